import type { TenantKnexError } from '../base/errors.ts'
import {
  checkInteger,
  checkMillis,
  invalid,
  isObject,
  MAX_MILLIS,
  rejectUnknownKeys,
  withoutUndefined,
} from '../base/option-checks.ts'

/** Options of one server's pool. Names and meanings are those of Knex (tarn). */
export interface PoolOptions {
  /** How many idle connections the reaper keeps. @defaultValue 0 */
  readonly min?: number
  /** The most connections. @defaultValue 20 */
  readonly max?: number
  /** How long an idle connection stays open, in milliseconds. @defaultValue 30_000 */
  readonly idleTimeoutMillis?: number
  /** How often the reaper looks at idle connections, in milliseconds. @defaultValue 1_000 */
  readonly reapIntervalMillis?: number
  /** How long connecting may take, in milliseconds. @defaultValue 10_000 */
  readonly createTimeoutMillis?: number
  /** The pause before another attempt to connect, in milliseconds. @defaultValue 200 */
  readonly createRetryIntervalMillis?: number
  /** How long an acquire may wait, in milliseconds. @defaultValue 10_000 */
  readonly acquireTimeoutMillis?: number
  /**
   * How long a connection lives from its first use, in milliseconds, even if it is busy. The actual limit is
   * up to a tenth less, so that connections do not all end at once. A connection is closed when it is
   * released, never while it is held.
   * @defaultValue 1_800_000
   */
  readonly maxLifetimeMillis?: number
  /**
   * The most connections that one tenant holds while another tenant has used the pool within the last minute.
   * A tenant starts with a third of `max`, at least 2, and gains one for each connection that it releases.
   * After 250 ms without a release it drops back to a third. So a tenant that waits for a lock does not hold
   * all connections. Set it to `max` to remove both limits.
   * @defaultValue half of `max`, rounded up, and no less than 2
   */
  readonly maxPerTenant?: number
  /**
   * The most waiting acquires of one tenant. The next one is refused at once with `ERR_TENANT_QUEUE_FULL`.
   * @defaultValue 100 times `max`
   */
  readonly maxWaitingPerTenant?: number
}

/** All defaults of the pool's options. */
export const POOL_DEFAULTS: Required<PoolOptions> = Object.freeze({
  min: 0,
  max: 20,
  ...shares(20),
  idleTimeoutMillis: 30_000,
  reapIntervalMillis: 1_000,
  createTimeoutMillis: 10_000,
  createRetryIntervalMillis: 200,
  acquireTimeoutMillis: 10_000,
  maxLifetimeMillis: 1_800_000,
})

/** Merges the pool's options with the defaults and checks them. @throws `ERR_OPTION_INVALID` */
export function resolvePool(user: {
  readonly pool?: PoolOptions
  readonly acquireConnectionTimeout?: number
}): Required<PoolOptions> {
  const given: PoolOptions = user.pool ?? {}
  if (!isObject(given)) throw invalid('`pool` must be an object.')
  if ('afterCreate' in given) throw afterCreateRefused()
  rejectUnknownKeys(given, Object.keys(POOL_DEFAULTS), 'pool.')
  const acquireTimeoutMillis = Math.min(
    checkMillis('pool.acquireTimeoutMillis', given.acquireTimeoutMillis ?? MAX_MILLIS),
    checkMillis('acquireConnectionTimeout', user.acquireConnectionTimeout ?? MAX_MILLIS),
  )
  const max = checkInteger('pool.max', given.max ?? POOL_DEFAULTS.max, 1, 100_000)
  const pool = {
    ...POOL_DEFAULTS,
    ...shares(max),
    ...withoutUndefined(given),
    acquireTimeoutMillis:
      acquireTimeoutMillis === MAX_MILLIS
        ? POOL_DEFAULTS.acquireTimeoutMillis
        : acquireTimeoutMillis,
  }
  checkInteger('pool.min', pool.min, 0, max)
  checkInteger('pool.maxPerTenant', pool.maxPerTenant, 1, max)
  checkInteger('pool.maxWaitingPerTenant', pool.maxWaitingPerTenant, 1, Number.MAX_SAFE_INTEGER)
  for (const name of ['idle', 'create', 'acquire'] as const) {
    checkMillis(`pool.${name}TimeoutMillis`, pool[`${name}TimeoutMillis`])
  }
  checkMillis('pool.reapIntervalMillis', pool.reapIntervalMillis)
  checkMillis('pool.maxLifetimeMillis', pool.maxLifetimeMillis)
  checkMillis('pool.createRetryIntervalMillis', pool.createRetryIntervalMillis)
  return Object.freeze(pool)
}

/**
 * Knex calls `afterCreate` with a new connection. At that time there is no tenant, and the reset at the next
 * hand-over would undo its work.
 */
function afterCreateRefused(): TenantKnexError {
  return invalid(
    '`pool.afterCreate` is not supported: a session begins anew whenever its connection passes to ' +
      'another tenant. Put the statements that it sends into `session`, such as ' +
      'session: ["SET time_zone = \'+00:00\'"]. They run on each new connection, and again for each ' +
      'tenant that gets it.',
  )
}

/** The default limits of one tenant in a pool of this size. */
function shares(max: number): Required<Pick<PoolOptions, 'maxPerTenant' | 'maxWaitingPerTenant'>> {
  const maxPerTenant = Math.min(max, Math.max(2, Math.ceil(max / 2)))
  return { maxPerTenant, maxWaitingPerTenant: 100 * max }
}
