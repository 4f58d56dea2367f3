import { type Outcome, serverErrno, TenantKnexError } from '../base/errors.ts'
import type { ServerConnection } from '../connection/server-connection.ts'
import { aboutPlace, type Place } from '../tenants/place.ts'

/** The pool gives no connection any more (`ERR_DESTROYED`). */
export function destroyedError(
  place: Place | undefined,
  outcome: Outcome = 'not-sent',
): TenantKnexError {
  return new TenantKnexError(
    'ERR_DESTROYED',
    'This tenantKnex has been destroyed. Create a new one to go on.',
    { ...aboutPlace(place), outcome },
  )
}

/** The outcome of a connection's statement if the connection is closed now. */
export function outcomeOn({ isInFlight }: ServerConnection): Outcome {
  return isInFlight ? 'unknown' : 'not-sent'
}

/** Too many acquires of one tenant wait already (`ERR_TENANT_QUEUE_FULL`). */
export function queueFullError(
  place: Place,
  { max, maxWaitingPerTenant }: { readonly max: number; readonly maxWaitingPerTenant: number },
): TenantKnexError {
  return new TenantKnexError(
    'ERR_TENANT_QUEUE_FULL',
    `${maxWaitingPerTenant} queries of tenant ${JSON.stringify(place.tenant.id)} wait for one of ` +
      `${max} connections already (\`pool.maxWaitingPerTenant\`). Ask for less at a time, or ` +
      'look for what holds the connections.',
    { ...aboutPlace(place), outcome: 'not-sent' },
  )
}

/**
 * The error of a connection that could not be opened, for a place that waited for it. A connection is
 * opened for no place in particular, so its error names none.
 */
export function openErrorFor(place: Place, error: unknown): unknown {
  if (!(error instanceof TenantKnexError)) return error
  const { code, message, connectionId, outcome, cause } = error
  return new TenantKnexError(code, message, { ...aboutPlace(place), connectionId, outcome, cause })
}

/** True if the server (1040) or the account (1203, 1226) has too many connections. */
export function isServerFull(error: unknown): boolean {
  const errno = error instanceof TenantKnexError ? serverErrno(error.cause) : undefined
  return errno === 1040 || errno === 1203 || errno === 1226
}
