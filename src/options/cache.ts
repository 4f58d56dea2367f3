import {
  checkFunction,
  checkInteger,
  checkMillis,
  invalid,
  isObject,
  rejectRenamedKeys,
  rejectUnknownKeys,
  show,
  withoutUndefined,
} from '../base/option-checks.ts'

/** Converts values to text and back. `JSON` and superjson fit. */
export interface CacheSerializer {
  stringify(value: unknown): string
  parse(text: string): unknown
}

/** Options of the tenants' caches. */
export interface CacheOptions {
  /**
   * Where entries are stored. By default they are in this process. Otherwise pass one of these:
   *
   * - a `redis://` URL
   * - options of node-redis: `url` or `socket`, for a cluster `rootNodes`
   * - a client or a cluster of node-redis
   * - a Keyv store adapter, a Map, or a `node-cache`
   *
   * You close the clients and stores that you pass in. Redis needs the optional peer `@keyv/redis`.
   */
  readonly store?: string | object
  /**
   * How long an entry without a time to live of its own is kept, in milliseconds.
   * @defaultValue 3_600_000
   */
  readonly ttlMillis?: number
  /**
   * Separates applications that share one store: letters, digits, `.`, `_` and `-`.
   * @defaultValue 'tenant-knex'
   */
  readonly root?: string
  /**
   * Maps a tenant's id to the part of its keys that names it. Must be pure, synchronous and injective.
   * @defaultValue `(id) => id`
   */
  readonly prefix?: (tenantId: string) => string
  /** Converts values to text and back. @defaultValue JSON that keeps Buffers */
  readonly serializer?: CacheSerializer
  /**
   * How long a store outside this process may take to answer, in milliseconds.
   * @defaultValue 100
   */
  readonly timeoutMillis?: number
  /**
   * How long `remember` waits for a factory that another call has started, in milliseconds.
   * @defaultValue 10_000
   */
  readonly waitMillis?: number
  /** Allows `iterator()`, which scans the whole store. @defaultValue false */
  readonly allowScan?: boolean
  /** The most entries of one tenant; only for the store in this process. @defaultValue 10_000 */
  readonly maxItemsPerTenant?: number
  /** The most bytes of one tenant, estimated; only for the store in this process. @defaultValue 16_777_216 */
  readonly maxBytesPerTenant?: number
  /**
   * The most bytes of all tenants, estimated; only for the store in this process. @defaultValue 67_108_864
   */
  readonly maxBytes?: number
}

/** Cache options with every default filled in. The stores have their own defaults for the rest. */
export interface ResolvedCacheOptions extends Required<Omit<CacheOptions, 'store' | 'serializer'>> {
  readonly store: string | object | undefined
  readonly serializer: CacheSerializer | undefined
}

/** All defaults of the cache options. */
export const CACHE_DEFAULTS: ResolvedCacheOptions = Object.freeze({
  store: undefined,
  ttlMillis: 3_600_000,
  root: 'tenant-knex',
  prefix: (tenantId: string) => tenantId,
  serializer: undefined,
  timeoutMillis: 100,
  waitMillis: 10_000,
  allowScan: false,
  maxItemsPerTenant: 10_000,
  maxBytesPerTenant: 16 * 2 ** 20,
  maxBytes: 64 * 2 ** 20,
})

const MAX_COUNT = 2 ** 40

/**
 * Merges the user's cache options with the defaults and checks them. The store itself is checked later.
 *
 * @throws `ERR_OPTION_INVALID`
 */
export function resolveCacheOptions(user: CacheOptions): ResolvedCacheOptions {
  if (!isObject(user)) throw invalid('`cache` must be an object.')
  rejectRenamedKeys(user, { ttl: 'ttlMillis' }, 'cache.')
  rejectUnknownKeys(user, Object.keys(CACHE_DEFAULTS), 'cache.')
  const options = { ...CACHE_DEFAULTS, ...withoutUndefined(user) }
  for (const name of ['ttlMillis', 'timeoutMillis', 'waitMillis'] as const) {
    checkMillis(`cache.${name}`, options[name])
  }
  for (const name of ['maxItemsPerTenant', 'maxBytesPerTenant', 'maxBytes'] as const) {
    checkInteger(`cache.${name}`, options[name], 1, MAX_COUNT)
  }
  checkFunction('cache.prefix', options.prefix)
  checkRoot(options.root)
  checkSerializer(options.serializer)
  if (typeof options.allowScan !== 'boolean') {
    throw invalid(`\`cache.allowScan\` must be true or false, got ${show(options.allowScan)}.`)
  }
  return Object.freeze(options)
}

function checkRoot(root: unknown): void {
  if (typeof root === 'string' && /^[\w.-]{1,64}$/.test(root)) return
  throw invalid(
    '`cache.root` must be 1 to 64 letters, digits, dots, underscores and dashes, got ' +
      `${show(root)}.`,
  )
}

function checkSerializer(serializer: unknown): void {
  if (serializer === undefined) return
  const { stringify, parse }: Partial<CacheSerializer> = isObject(serializer) ? serializer : {}
  if (typeof stringify === 'function' && typeof parse === 'function') return
  throw invalid('`cache.serializer` must have the functions `stringify` and `parse`.')
}
