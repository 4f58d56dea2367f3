/* The results of calls, as cells name them: code and outcome of an error. */

const LOSSES = ['PROTOCOL_CONNECTION_LOST', 'ECONNRESET', 'EPIPE'] as const

/** The connection was lost before the answer came: the driver's own error. */
export const LOST: readonly string[] = LOSSES.map((code) => `${code} unknown`)
/** The connection was lost before the statement was sent. */
export const LOST_BEFORE: readonly string[] = LOSSES.map((code) => `${code} not-sent`)
/** The error of Knex's `.timeout()`. */
export const TIMED_OUT = 'KnexTimeoutError unknown'
export const SWITCH_TIMEOUT = 'ERR_SWITCH_TIMEOUT not-sent'
export const ACQUIRE_TIMEOUT = 'ERR_ACQUIRE_TIMEOUT not-sent'
export const UNREACHABLE = 'ERR_SERVER_UNREACHABLE not-sent'
export const REFUSED = 'ERR_SERVER_REFUSED not-sent'
export const DESTROYED = 'ERR_DESTROYED not-sent'
export const DESTROYED_RUNNING = 'ERR_DESTROYED unknown'
/** The lease found its connection closed. */
export const CLOSED = 'ERR_CONNECTION_CLOSED not-sent'
/** The server's answer to a statement that it refuses to begin or to finish before it shuts down. */
export const SHUTDOWN = 'ER_SERVER_SHUTDOWN failed'
