import { type Outcome, TenantKnexError } from '../base/errors.ts'
import { aboutPlace, type Place } from '../tenants/place.ts'

/** What the sender of a statement gets that has left its tenant's database. */
export function databaseLeftError(place: Place, connectionId: number): TenantKnexError {
  return new TenantKnexError(
    'ERR_WRONG_TENANT',
    `A statement of tenant ${JSON.stringify(place.tenant.id)} left its database, or may ` +
      'have. Its result is withheld and the connection was closed, but it has run.',
    { ...aboutPlace(place), connectionId, outcome: 'executed' },
  )
}

/**
 * What everyone gets who waits for a switch that took too long.
 *
 * @param outcome what became of the statement
 */
export function switchTimeoutError(
  place: Place | undefined,
  connectionId: number,
  millis: number,
  outcome: Outcome,
): TenantKnexError {
  return new TenantKnexError(
    'ERR_SWITCH_TIMEOUT',
    `Switching the connection took more than ${millis} ms, so it was closed. ` +
      'A database that is being dropped can cause this; see `switchTimeoutMillis`.',
    { ...aboutPlace(place), connectionId, outcome },
  )
}
