import { about, type Outcome, TenantKnexError } from '../base/errors.ts'
import type { LocatedTenant } from '../tenants/tenant.ts'

/** What the sender of a statement gets that has left its tenant's database. */
export function databaseLeftError(tenant: LocatedTenant, connectionId: number): TenantKnexError {
  return new TenantKnexError(
    'ERR_WRONG_TENANT',
    `A statement of tenant ${JSON.stringify(tenant.id)} left its database, or may ` +
      'have. Its result is withheld and the connection was closed, but it has run.',
    { ...about(tenant), connectionId, outcome: 'executed' },
  )
}

/**
 * What everyone gets who waits for a switch that took too long.
 *
 * @param outcome what became of the statement
 */
export function switchTimeoutError(
  tenant: LocatedTenant | undefined,
  connectionId: number,
  millis: number,
  outcome: Outcome,
): TenantKnexError {
  return new TenantKnexError(
    'ERR_SWITCH_TIMEOUT',
    `Switching the connection took more than ${millis} ms, so it was closed. ` +
      'A database that is being dropped can cause this; see `switchTimeoutMillis`.',
    { ...about(tenant), connectionId, outcome },
  )
}
