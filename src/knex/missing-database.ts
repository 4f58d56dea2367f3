import { serverErrno, TenantKnexError } from '../base/errors.ts'
import { Lease } from '../connection/lease.ts'
import { markMissing } from '../tenants/missing.ts'
import { bindingOf, poolOf } from './binding.ts'

/** Error codes from a database that was dropped meanwhile: MySQL 1049, MariaDB 1146. */
const DROPPED_MEANWHILE = [1046, 1049, 1146]

/**
 * Marks the error of a statement if the tenant in scope has no database. If another client has dropped the
 * database, the server's error does not say so, and one more statement finds it out. This costs nothing
 * extra: after a failed statement the gate confirms the database before the next statement anyway.
 */
export async function findMissing(
  client: object,
  connection: unknown,
  error: unknown,
): Promise<void> {
  const isInDoubt =
    connection instanceof Lease && DROPPED_MEANWHILE.includes(serverErrno(error) as number)
  if (isInDoubt) poolOf(client).databases?.doubt(connection.place.database)
  if (!isInScope(client)) return
  if (isMissing(error)) return markMissing(error)
  if (!isInDoubt) return
  if (isMissing(await failureOf(connection))) markMissing(error as object)
}

/** Like {@link findMissing}, but without asking the server. */
export function markIfMissing(client: object, error: unknown): void {
  if (isMissing(error) && isInScope(client)) markMissing(error)
}

function isInScope(client: object): boolean {
  const { tenant, tenantInScope } = bindingOf(client)
  return tenantInScope() === tenant
}

function isMissing(error: unknown): error is TenantKnexError {
  return error instanceof TenantKnexError && error.code === 'ERR_TENANT_DATABASE_MISSING'
}

/** The error of a statement that changes nothing, or undefined if it succeeds. */
function failureOf(lease: Lease): Promise<unknown> {
  return new Promise((done) => {
    lease.query('DO 0', done)
  })
}
