import type { ErrorDetails } from '../base/errors.ts'
import type { Tenant } from './tenant.ts'

/**
 * The place of a tenant's data: a server and a database. A place never changes: a tenant that moves gets a
 * new one. The pool gives connections to places.
 */
export interface Place {
  /** Name of the server. */
  readonly server: string
  /** Name of the database on that server. */
  readonly database: string
  /**
   * The role whose rights the tenant's statements run with; undefined if they run with the account's rights.
   */
  readonly role?: string
  readonly tenant: Tenant
}

/** The name of the one server. */
export const DEFAULT_SERVER = 'default'

/** True if two places are equal, even if they are two objects. */
export function isSamePlace(a: Place, b: Place): boolean {
  if (a === b) return true
  return a.tenant.id === b.tenant.id && a.server === b.server && a.database === b.database
}

/** The error details that name a place. */
export function aboutPlace(
  place: Place | undefined,
): Pick<ErrorDetails, 'server' | 'tenant' | 'database'> {
  return { server: place?.server, tenant: place?.tenant.id, database: place?.database }
}
