import type { ErrorDetails } from '../base/errors.ts'
import type { Tenant } from './tenant.ts'

/**
 * Where a tenant's data is. A place never changes: a tenant that moves gets another one. Connections
 * are given to places.
 */
export interface Place {
  /** Name of the server. */
  readonly server: string
  /** Name of the database on that server. */
  readonly database: string
  /** The server's role that the tenant's statements run with; undefined if they run with the account's rights. */
  readonly role?: string
  readonly tenant: Tenant
}

/** The name of the one server. */
export const DEFAULT_SERVER = 'default'

/** True if two places are the same, also if they are two objects. */
export function isSamePlace(a: Place, b: Place): boolean {
  if (a === b) return true
  return a.tenant.id === b.tenant.id && a.server === b.server && a.database === b.database
}

/** The part of an error's details that says where it happened. */
export function aboutPlace(
  place: Place | undefined,
): Pick<ErrorDetails, 'server' | 'tenant' | 'database'> {
  return { server: place?.server, tenant: place?.tenant.id, database: place?.database }
}
