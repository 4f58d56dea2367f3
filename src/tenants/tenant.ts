/** A tenant and the place of its data. */
export interface Tenant {
  /** The tenant's id in the application. */
  readonly id: string
  /**
   * The database that holds the tenant's tables. Null only until an asynchronous `database` function has been
   * called: by the first query, or by `tenantKnex.lookup(id)`.
   */
  readonly database: string | null
}

/** A tenant whose database is known. */
export interface LocatedTenant extends Tenant {
  readonly database: string
}
