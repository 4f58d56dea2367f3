import { serverErrno, TenantKnexError } from '../base/errors.ts'
import { Lease } from '../connection/lease.ts'
import { markMissing } from '../tenants/missing.ts'
import { bindingOf } from './binding.ts'

/** Answers of servers in a database that was dropped meanwhile: MySQL 1049, MariaDB 1146. */
const DROPPED_MEANWHILE = [1046, 1049, 1146]

/**
 * Marks the error of a statement if the tenant in scope has no database. A server does not say so of
 * one that somebody else has dropped. Then this asks: after a failed statement the gate confirms the
 * database before the next one, so it costs what the next one would have cost.
 */
export async function findMissing(
  client: object,
  connection: unknown,
  error: unknown,
): Promise<void> {
  if (!isInScope(client)) return
  if (isMissing(error)) return markMissing(error)
  if (!(connection instanceof Lease && DROPPED_MEANWHILE.includes(serverErrno(error) as number)))
    return
  if (isMissing(await failureOf(connection))) markMissing(error as object)
}

/** The same, if there is no time to ask. */
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

/** The error of a statement that touches nothing, if it fails. */
function failureOf(lease: Lease): Promise<unknown> {
  return new Promise((done) => {
    lease.query('DO 0', done)
  })
}
