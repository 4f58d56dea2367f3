import { type Outcome, serverErrno, TenantKnexError } from '../base/errors.ts'
import { aboutPlace, type Place } from '../tenants/place.ts'

/*
 * The errors of commands that a lease or the gate does not let through. Those of a switch are in
 * `switch/errors.ts`, and those of a new connection in `raw-connection.ts`.
 */

/** For a command of a lease that has ended. */
export function releasedError(place: Place | undefined, connectionId: number): TenantKnexError {
  const whose = place ? ` of tenant ${JSON.stringify(place.tenant.id)}` : ''
  return new TenantKnexError(
    'ERR_WRONG_TENANT',
    `A connection${whose} was used after its release; it may be another tenant's by now.`,
    { ...aboutPlace(place), connectionId, outcome: 'not-sent' },
  )
}

/** For a statement whose connection was closed before its turn came. */
export function closedError(
  place: Place | undefined,
  connectionId: number,
  cause: unknown,
): TenantKnexError {
  return new TenantKnexError(
    'ERR_CONNECTION_CLOSED',
    'The connection was closed before this statement was sent; `cause` says why. ' +
      'A transaction on it has been rolled back by the server.',
    { ...aboutPlace(place), connectionId, outcome: 'not-sent', cause },
  )
}

/** For the commands of a connection whose holder has closed it: as mysql2 tells of a lost one. */
export function closedByHolderError(): Error {
  const error = new Error('The connection was closed by its holder.')
  return Object.assign(error, { code: 'PROTOCOL_CONNECTION_LOST', fatal: true })
}

/** For a statement whose text must not be sent. */
export function statementRefusedError(
  place: Place,
  connectionId: number,
  reason: string,
): TenantKnexError {
  return new TenantKnexError('ERR_STATEMENT_REFUSED', `A statement was not sent: ${reason}.`, {
    ...aboutPlace(place),
    connectionId,
    outcome: 'not-sent',
  })
}

/** For a method of mysql2's that would change the session under the pool. */
export function methodRefusedError(
  place: Place,
  connectionId: number,
  method: string,
): TenantKnexError {
  return new TenantKnexError(
    'ERR_STATEMENT_REFUSED',
    `connection.${method}() is not available: the session belongs to the pool.`,
    { ...aboutPlace(place), connectionId, outcome: 'not-sent' },
  )
}

/** For a statement that has left its tenant's database. */
export function databaseLeftError(place: Place, connectionId: number): TenantKnexError {
  return new TenantKnexError(
    'ERR_WRONG_TENANT',
    `A statement of tenant ${JSON.stringify(place.tenant.id)} left its database, or may ` +
      'have. Its result is withheld and the connection was closed, but it has run.',
    { ...aboutPlace(place), connectionId, outcome: 'executed' },
  )
}

/** For a statement that has read a column of another database. */
export function foreignColumnError(place: Place, connectionId: number): TenantKnexError {
  return new TenantKnexError(
    'ERR_WRONG_TENANT',
    `A statement of tenant ${JSON.stringify(place.tenant.id)} read a column that is not of its database ` +
      `${JSON.stringify(place.database)}. Its result is withheld and the connection was closed.`,
    { ...aboutPlace(place), connectionId, outcome: 'executed' },
  )
}

/**
 * Tells by a statement's error what became of the statement.
 *
 * @param isInFlight true if a command of the connection was sent and not answered to its end
 */
export function outcomeOf(error: unknown, isInFlight: boolean): Outcome {
  const isFatal = (error as { fatal?: boolean } | null)?.fatal === true
  if (serverErrno(error) !== undefined && !isFatal) return 'failed'
  // Only if the connection ended: an error of a stream's reader says nothing of the statement.
  return isFatal && !isInFlight ? 'not-sent' : 'unknown'
}
