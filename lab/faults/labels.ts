/* What callers get, as cells name it: code and outcome of an error. */

const LOSSES = ['PROTOCOL_CONNECTION_LOST', 'ECONNRESET', 'EPIPE'] as const

/** The connection was lost before the answer came: the server's own error. */
export const LOST: readonly string[] = LOSSES.map((code) => `${code} unknown`)
/** It was lost before the statement left. */
export const LOST_BEFORE: readonly string[] = LOSSES.map((code) => `${code} not-sent`)
/** Knex's `.timeout()`. */
export const TIMED_OUT = 'KnexTimeoutError unknown'
export const SWITCH_TIMEOUT = 'ERR_SWITCH_TIMEOUT not-sent'
export const ACQUIRE_TIMEOUT = 'ERR_ACQUIRE_TIMEOUT not-sent'
export const UNREACHABLE = 'ERR_SERVER_UNREACHABLE not-sent'
export const REFUSED = 'ERR_SERVER_REFUSED not-sent'
export const DESTROYED = 'ERR_DESTROYED not-sent'
export const DESTROYED_RUNNING = 'ERR_DESTROYED unknown'
/** It found its connection closed. */
export const CLOSED = 'ERR_CONNECTION_CLOSED not-sent'
/** The server's answer to what it will not begin, or not end, before it goes. */
export const SHUTDOWN = 'ER_SERVER_SHUTDOWN failed'
