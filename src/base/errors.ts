import knex from 'knex'

/** Every code that a {@link TenantKnexError} can carry. The README has a table of them. */
export type TenantKnexErrorCode =
  | 'ERR_ACQUIRE_TIMEOUT'
  | 'ERR_CACHE_FACTORY_CYCLE'
  | 'ERR_CACHE_FACTORY_TIMEOUT'
  | 'ERR_CACHE_KEY_INVALID'
  | 'ERR_CACHE_PREFIX_INVALID'
  | 'ERR_CACHE_PREFIX_SHARED'
  | 'ERR_CACHE_SCAN_REFUSED'
  | 'ERR_CACHE_UNAVAILABLE'
  | 'ERR_CACHE_VALUE_INVALID'
  | 'ERR_CONNECTION_CLOSED'
  | 'ERR_DATABASE_NAME_INVALID'
  | 'ERR_DATABASE_SHARED'
  | 'ERR_DESTROYED'
  | 'ERR_LOOKUP_FAILED'
  | 'ERR_NO_TENANT'
  | 'ERR_OPTION_INVALID'
  | 'ERR_REQUEST_INVALID'
  | 'ERR_SERVER_REFUSED'
  | 'ERR_SERVER_UNREACHABLE'
  | 'ERR_SESSION_SETUP_FAILED'
  | 'ERR_STATEMENT_REFUSED'
  | 'ERR_STORM_FAILED'
  | 'ERR_STORM_REFUSED'
  | 'ERR_SWITCH_FAILED'
  | 'ERR_SWITCH_TIMEOUT'
  | 'ERR_TENANT_DATABASE_DENIED'
  | 'ERR_TENANT_DATABASE_MISSING'
  | 'ERR_TENANT_ID_INVALID'
  | 'ERR_TENANT_NOT_LOCATED'
  | 'ERR_TENANT_QUEUE_FULL'
  | 'ERR_TENANT_UNKNOWN'
  | 'ERR_TOKEN_INVALID'
  | 'ERR_TRANSACTION_OVER'
  | 'ERR_WRONG_TENANT'

/**
 * What became of the statement that an error is about.
 *
 * - `not-sent`: it never left this process.
 * - `failed`: the server answered it with an error.
 * - `executed`: the server carried it out, but its result is withheld.
 * - `unknown`: the connection ended before the answer came.
 */
export type Outcome = 'not-sent' | 'failed' | 'executed' | 'unknown'

/** What an error knows beside its message. */
export interface ErrorDetails {
  /** Id of the tenant concerned. */
  readonly tenant?: string | undefined
  /** Name of the database concerned. */
  readonly database?: string | undefined
  /** The server's own id of the connection, as in its process list. */
  readonly connectionId?: number | undefined
  /** What became of the statement. */
  readonly outcome?: Outcome | undefined
  /** The driver's or user code's own error. */
  readonly cause?: unknown
}

/** The part of an error's details that says which tenant it is about. */
export function about(
  tenant: { readonly id: string; readonly database: string | null } | undefined,
): Pick<ErrorDetails, 'tenant' | 'database'> {
  return { tenant: tenant?.id, database: tenant?.database ?? undefined }
}

const BRAND = Symbol.for('tenant-knex.error')
const TIMEOUT_BRAND = Symbol.for('tenant-knex.acquire-timeout')

/**
 * A failure of tenant-knex itself. What the server answered to a statement is not wrapped in
 * one: it stays the object that plain Knex would give.
 *
 * `instanceof` holds across the ESM and the CommonJS copy of the package, and also for
 * {@link AcquireTimeoutError}, which is one of Knex's own `KnexTimeoutError`s.
 */
export class TenantKnexError extends Error {
  readonly code: TenantKnexErrorCode
  readonly tenant: string | undefined
  readonly database: string | undefined
  readonly connectionId: number | undefined
  readonly outcome: Outcome | undefined

  constructor(code: TenantKnexErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    keepMessage(this)
    this.code = code
    this.tenant = details.tenant
    this.database = details.database
    this.connectionId = details.connectionId
    this.outcome = details.outcome
  }
}
Object.defineProperty(TenantKnexError.prototype, 'name', { value: 'TenantKnexError' })
brand(TenantKnexError, BRAND)

/**
 * Knex writes the statement with its values before the message of each error that passes through
 * it. Ours must not hold values, and may be given to several callers.
 */
function keepMessage(error: Error): void {
  const { message } = error
  Object.defineProperty(error, 'message', { get: () => message, set: () => undefined })
}

/** A connection that is held. */
export interface HeldConnection {
  /** Id of the tenant that holds it. */
  readonly tenant: string
  /** The server's own id of the connection, as in its process list. */
  readonly connectionId: number
  /** For how long, in milliseconds. */
  readonly heldMillis: number
  readonly isInTransaction: boolean
}

/** The numbers of a pool at the moment an acquire timed out. */
export interface PoolNumbers {
  readonly total: number
  readonly used: number
  /** Of those used, the tenant's own. */
  readonly own: number
  /** Of the tenant's own, those in a transaction. */
  readonly inTransaction: number
  readonly idle: number
  readonly waiting: number
  /** Connections that the pool may have: `pool.max`. */
  readonly max: number
  /** Connections that the tenant may hold of them now: see `pool.maxPerTenant`. */
  readonly limit: number
  /** The connection that is held the longest; undefined if none is held. */
  readonly longestHeld: HeldConnection | undefined
}

/**
 * No connection became free in time (`ERR_ACQUIRE_TIMEOUT`). It is a `KnexTimeoutError`, so code
 * that tests for Knex's class, or its name, goes on working.
 */
export class AcquireTimeoutError extends knex.KnexTimeoutError {
  readonly code: 'ERR_ACQUIRE_TIMEOUT' = 'ERR_ACQUIRE_TIMEOUT'
  readonly outcome: 'not-sent' = 'not-sent'
  readonly connectionId: undefined
  readonly tenant: string
  readonly database: string
  readonly pool: PoolNumbers

  constructor(
    tenant: { readonly id: string; readonly database: string },
    pool: PoolNumbers,
    waitedMillis: number,
    cause?: unknown,
  ) {
    super(
      `No connection for tenant ${JSON.stringify(tenant.id)} within ${waitedMillis} ms: ` +
        `${pool.total} total, ${pool.used} used (${pool.own} by this tenant), ${pool.idle} idle, ` +
        `${pool.waiting} waiting. ${holderOf(pool)}${likelyMistake(tenant.id, pool)}`,
    )
    this.tenant = tenant.id
    this.database = tenant.database
    this.pool = pool
    if (cause !== undefined) this.cause = cause
  }
}
brand(AcquireTimeoutError, TIMEOUT_BRAND, BRAND)

/** Who has to be looked at first. */
function holderOf({ longestHeld, max }: PoolNumbers): string {
  if (longestHeld === undefined) return ''
  const { tenant, connectionId, heldMillis, isInTransaction } = longestHeld
  const which = max === 1 ? 'The one connection' : 'The one that is held the longest'
  const where = isInTransaction ? 'in a transaction' : 'in no transaction'
  return (
    `${which} (${connectionId}) is held by tenant ${JSON.stringify(tenant)} for ` +
    `${Math.round(heldMillis)} ms, ${where}. `
  )
}

/** A tenant whose transactions hold all that it may have waits for itself. */
function likelyMistake(id: string, { own, inTransaction, max, limit }: PoolNumbers): string {
  if (inTransaction === 0 || inTransaction < Math.max(own, limit)) {
    return (
      'The pool is probably full, or what one tenant may hold of it (`pool.maxPerTenant`). ' +
      'Are you missing a .transacting(trx) call, or a commit?'
    )
  }
  const where = ['in a transaction', 'both in transactions'][own - 1] ?? 'all in transactions'
  return (
    `${id} may hold ${limit} of ${max} connections now and holds ${own}, ${where}; ` +
    'is a query outside its trx? See `pool.maxPerTenant`.'
  )
}

/** Marks the instances of a class for every copy of this package. */
function brand(errorClass: { prototype: Error }, own: symbol, base?: symbol): void {
  Object.defineProperties(errorClass.prototype, {
    [own]: { value: true },
    ...(base && { [base]: { value: true } }),
  })
  Object.defineProperty(errorClass, Symbol.hasInstance, {
    value(this: unknown, value: unknown): boolean {
      // User code's own subclasses inherit this, and mean the ordinary test.
      return this === errorClass
        ? value instanceof Error && own in value
        : Function.prototype[Symbol.hasInstance].call(this, value)
    },
  })
}

/**
 * Adds to an error that is not ours what Knex cannot know. The three properties are not
 * enumerable, so logs and deep comparisons see the object that plain Knex would give.
 */
export function annotate(error: unknown, details: ErrorDetails): void {
  if (typeof error !== 'object' || error === null || error instanceof TenantKnexError) return
  for (const key of ['tenant', 'connectionId', 'outcome'] as const) {
    const value = details[key]
    if (value === undefined || Object.hasOwn(error, key)) continue
    if (!Object.isExtensible(error)) continue
    Object.defineProperty(error, key, { value, configurable: true, writable: true })
  }
}

/** A server's numeric error code (`errno`), or undefined where the error is not a server's answer. */
export function serverErrno(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined
  const { errno, sqlState } = error as { errno?: unknown; sqlState?: unknown }
  return typeof errno === 'number' && sqlState !== undefined ? errno : undefined
}
