/** A tenant and the place of its data. */
export interface Tenant {
  /** The id the application knows the tenant by. */
  readonly id: string
  /**
   * The database that holds the tenant's tables. Null only where the `database` function is
   * asynchronous and has not been asked yet: it is by the first query, or `tenantKnex.lookup(id)`.
   */
  readonly database: string | null
}

/** A tenant whose database is known. */
export interface LocatedTenant extends Tenant {
  readonly database: string
}
