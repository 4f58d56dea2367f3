import { brand } from './brand.ts'

/** Every code that a {@link TenantKnexError} can carry. docs/errors.md has a table of them. */
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
 * The outcome of the statement that an error is about.
 *
 * - `not-sent`: it never left this process.
 * - `failed`: the server answered it with an error.
 * - `executed`: the server executed it, but its result is withheld.
 * - `unknown`: the connection ended before the answer came.
 */
export type Outcome = 'not-sent' | 'failed' | 'executed' | 'unknown'

/** The fields of an error beside its message. */
export interface ErrorDetails {
  /** Name of the server concerned. */
  readonly server?: string | undefined
  /** Id of the tenant concerned. */
  readonly tenant?: string | undefined
  /** Name of the database concerned. */
  readonly database?: string | undefined
  /** The server's own id of the connection, as in its process list. */
  readonly connectionId?: number | undefined
  /** The outcome of the statement. */
  readonly outcome?: Outcome | undefined
  /** The original error, of the driver or of user code. */
  readonly cause?: unknown
}

/** The error details that name a tenant and its database. */
export function about(
  tenant: { readonly id: string; readonly database: string | null } | undefined,
): Pick<ErrorDetails, 'tenant' | 'database'> {
  return { tenant: tenant?.id, database: tenant?.database ?? undefined }
}

/** Marks every error of this package. */
export const BRAND: unique symbol = Symbol.for('tenant-knex.error') as never

/**
 * A failure of tenant-knex itself. A server's answer to a statement is not wrapped in one: the caller gets
 * the same error object as from plain Knex.
 *
 * `instanceof` works across the ESM and the CommonJS copy of the package. It also works for
 * `AcquireTimeoutError`, which is one of Knex's own `KnexTimeoutError`s.
 */
export class TenantKnexError extends Error {
  readonly code: TenantKnexErrorCode
  readonly server: string | undefined
  readonly tenant: string | undefined
  readonly database: string | undefined
  readonly connectionId: number | undefined
  readonly outcome: Outcome | undefined

  constructor(code: TenantKnexErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    keepMessage(this)
    this.code = code
    this.server = details.server
    this.tenant = details.tenant
    this.database = details.database
    this.connectionId = details.connectionId
    this.outcome = details.outcome
  }
}
Object.defineProperty(TenantKnexError.prototype, 'name', { value: 'TenantKnexError' })
brand(TenantKnexError, BRAND)

/**
 * Keeps Knex from changing the message. Knex puts the statement with its values before the message of each
 * error that passes through it. Our messages must not hold values, and several callers may share one error.
 */
function keepMessage(error: Error): void {
  const { message } = error
  Object.defineProperty(error, 'message', { get: () => message, set: () => undefined })
}

/**
 * Adds to a foreign error what Knex cannot know. The four properties are not enumerable, so logs and deep
 * comparisons see the object that plain Knex would give.
 */
export function annotate(error: unknown, details: ErrorDetails): void {
  if (typeof error !== 'object' || error === null || error instanceof TenantKnexError) return
  for (const key of ['server', 'tenant', 'connectionId', 'outcome'] as const) {
    const value = details[key]
    if (value === undefined || Object.hasOwn(error, key)) continue
    if (!Object.isExtensible(error)) continue
    Object.defineProperty(error, key, { value, configurable: true, writable: true })
  }
}

/** A server's numeric error code (`errno`), or undefined if the error is not a server's answer. */
export function serverErrno(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined
  const { errno, sqlState } = error as { errno?: unknown; sqlState?: unknown }
  return typeof errno === 'number' && sqlState !== undefined ? errno : undefined
}
