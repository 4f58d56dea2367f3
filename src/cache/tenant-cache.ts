import { Keyv, type StoredDataNoRaw, type StoredDataRaw } from 'keyv'
import { TenantKnexError } from '../base/errors.ts'
import { invalid, isObject, rejectRenamedKeys, rejectUnknownKeys } from '../base/option-checks.ts'
import type { Tenant } from '../tenants/tenant.ts'
import type { Cached } from './cached.ts'
import { type Flight, Flights } from './flights.ts'
import {
  type Lifetime,
  TenantAdapter,
  type TenantAdapterOptions,
  type TenantAdapterSettings,
} from './tenant-adapter.ts'

/** How {@link TenantCache.remember} keeps what it computes. */
export interface RememberOptions {
  /** How long the value is fresh, in milliseconds. @defaultValue the option `cache.ttlMillis` */
  readonly ttlMillis?: number
  /**
   * How much longer it may be served while one caller computes it anew, in milliseconds.
   * @defaultValue 0
   */
  readonly staleMillis?: number
}

/** Runs a function with a tenant in scope, or with none. */
export type RunInScope = <T>(tenant: Tenant | undefined, fn: () => T | PromiseLike<T>) => Promise<T>

/** What is the same for the caches of all tenants. */
export interface TenantCacheSettings extends TenantAdapterSettings {
  /** How long a call waits for a factory that runs for another, in milliseconds. */
  readonly waitMillis: number
  readonly allowScan: boolean
  readonly runInScope: RunInScope
}

/** What a cache is made of. */
export interface TenantCacheOptions extends TenantAdapterOptions {
  readonly settings: TenantCacheSettings
  /** Undefined for what belongs to nobody. */
  readonly tenant: Tenant | undefined
}

const LIFETIME_KEYS = [
  'ttlMillis',
  'staleMillis',
] as const satisfies readonly (keyof RememberOptions)[]

const RENAMED = { ttl: 'ttlMillis', staleFor: 'staleMillis' } as const

/** What Keyv lets everybody change, and what would change here where the entries are. */
const FIXED = ['compression', 'deserialize', 'serialize', 'store'] as const

/**
 * A Keyv whose keys are one tenant's: no other tenant reads, overwrites, lists or clears them. A bound
 * Knex has it as `cache`. Every entry has a time to live; values are copied.
 *
 * Reads fail open: where the store cannot be reached nothing is in it, and an `error` event tells;
 * `set` says false then. `delete`, `clear` and `purge` reject with `ERR_CACHE_UNAVAILABLE`: what was
 * to be forgotten may still be there.
 */
export class TenantCache extends Keyv<unknown> {
  readonly #options: TenantCacheOptions
  readonly #adapter: TenantAdapter
  readonly #flights: Flights

  constructor(options: TenantCacheOptions) {
    const flights = new Flights(options.settings.waitMillis, options.owner.tenant)
    const adapter = new TenantAdapter(options, (key) => flights.outdate(key))
    super(keyvOptions(adapter, options.settings.ttlMillis))
    Object.defineProperty(this, 'opts', { value: lasting(this.opts), writable: false })
    this.#options = options
    this.#adapter = adapter
    this.#flights = flights
    this.iterator = () => this.#iterate()
  }

  /** Where the keys begin in the store. No other tenant's begin like this. */
  get prefix(): string {
    return this.#options.owner.prefix
  }

  /**
   * A value from the cache, or what the factory makes of it, which is kept. Calls at the same time
   * share one run of the factory, in the tenant's scope; each gets a copy, as the serializer makes it.
   * The default one is JSON, which makes a text of a `Date`, for example: {@link Cached} says what comes
   * back, here and from `get`. With a `cache.serializer` that keeps types, name the result:
   * `remember<User, User>(...)`.
   * What is `undefined` is not kept; `null` is. A factory's error is for all who wait, and not kept.
   *
   * With `staleMillis`, a value that is no longer fresh is served for so long, and computed anew in the
   * background; an error there is told by an `error` event only.
   *
   * @throws `ERR_CACHE_FACTORY_CYCLE` in the key's own factory
   * @throws `ERR_CACHE_FACTORY_TIMEOUT` where the factory runs for another call, for too long
   * @throws `ERR_CACHE_VALUE_INVALID`, `ERR_CACHE_KEY_INVALID`, `ERR_OPTION_INVALID`
   */
  async remember<T, Result = Cached<T>>(
    key: string,
    options: RememberOptions,
    factory: () => T | PromiseLike<T>,
  ): Promise<Result> {
    const lifetime = this.#lifetime(options, factory)
    this.#adapter.checkKey(key)
    this.#flights.checkCycle(key)
    const { raw, epoch } = await this.#adapter.find(key)
    const compute = async (flight: Flight): Promise<string | undefined> => {
      const { settings, tenant } = this.#options
      const value = await settings.runInScope(tenant, factory)
      if (value === undefined) return undefined
      return this.#adapter.keep(key, value, lifetime, flight)
    }
    const overdueMillis = Date.now() - (raw?.expires ?? 0)
    // A Map, and many an adapter, drops nothing: there all that was ever set is stale for ever.
    if (raw === undefined || overdueMillis >= lifetime.staleMillis) {
      const text = await this.#flights.join(key, epoch, compute)
      return (text === undefined ? undefined : this.#adapter.decode(text)) as Result
    }
    if (overdueMillis >= 0 && !this.#flights.isRunning(key, epoch)) {
      this.#flights.join(key, epoch, compute).catch((error) => this.emit('error', error))
    }
    return raw.value as Result
  }

  /**
   * As `clear()`, and deletes the bytes too, a batch at a time: for a tenant that is gone, or wants to
   * be forgotten. Where an adapter cannot list its keys they end by their time to live.
   *
   * @throws `ERR_CACHE_UNAVAILABLE`
   */
  async purge(): Promise<void> {
    this.emit('clear')
    try {
      await this.#adapter.purge()
    } catch (error) {
      this.emit('error', error) // as Keyv does it in `clear`
      throw error
    }
  }

  /**
   * As Keyv: the value of a key, or undefined. `T` is the type of what was set; what comes back is what the
   * serializer made of it.
   */
  override get<T>(key: string): Promise<Cached<T> | undefined>
  override get<T>(keys: string[]): Promise<(Cached<T> | undefined)[]>
  override get<T>(key: string, options?: { raw: false }): Promise<StoredDataNoRaw<T>>
  override get<T>(key: string, options?: { raw: true }): Promise<StoredDataRaw<T>>
  override get<T>(keys: string[], options?: { raw: false }): Promise<StoredDataNoRaw<T>[]>
  override get<T>(keys: string[], options?: { raw: true }): Promise<StoredDataRaw<T>[]>
  override get(...args: unknown[]): Promise<never> {
    return Reflect.apply(super.get, this, args)
  }

  /** The store is everybody's: nothing of this tenant's alone is to be closed. */
  override async disconnect(): Promise<void> {
    this.emit('disconnect')
  }

  #lifetime(options: RememberOptions, factory: unknown): Lifetime {
    const { tenant } = this.#options.owner
    if (typeof factory !== 'function' || !isObject(options as unknown)) {
      throw invalid(
        '`remember` takes a key, `{ ttlMillis, staleMillis }`, and the function that makes the value.',
        { tenant },
      )
    }
    rejectRenamedKeys(options, RENAMED, '', { tenant })
    rejectUnknownKeys(options, LIFETIME_KEYS, '', { tenant })
    const { ttlMillis = this.ttl ?? 0, staleMillis = 0 } = options
    const lifetime = { ttlMillis, staleMillis }
    this.#adapter.checkLifetime(lifetime)
    return lifetime
  }

  #iterate(): AsyncGenerator<[string, unknown], void> {
    if (this.#options.settings.allowScan) return this.#adapter.entries()
    throw new TenantKnexError(
      'ERR_CACHE_SCAN_REFUSED',
      'Listing the keys of a cache looks through the whole store. Pass `cache.allowScan: true` if ' +
        'that is what you want.',
      { tenant: this.#options.owner.tenant },
    )
  }
}

for (const name of FIXED) {
  const inherited = Object.getOwnPropertyDescriptor(Keyv.prototype, name)
  Object.defineProperty(TenantCache.prototype, name, {
    ...inherited,
    set() {
      throw new TenantKnexError(
        'ERR_OPTION_INVALID',
        `The \`${name}\` of a tenant's cache is fixed; see the \`cache\` option of createTenantKnex.`,
      )
    },
  })
}

/**
 * The options that Keyv reads and writes later. Its own object holds more than it needs, and takes a
 * fifth of what a tenant's cache does. Keyv finds the store there: that is fixed.
 */
function lasting({
  store,
  ttl,
  emitErrors,
  useKeyPrefix,
  throwOnErrors,
}: Keyv['opts']): Keyv['opts'] {
  const opts = { store, ttl, emitErrors, useKeyPrefix, throwOnErrors }
  return Object.defineProperty(opts, 'store', { writable: false }) as Keyv['opts']
}

/** Keyv is to do nothing to keys and values: the adapter does. */
function keyvOptions(store: TenantAdapter, ttl: number): ConstructorParameters<typeof Keyv>[0] {
  const none = { namespace: undefined, serialize: undefined, deserialize: undefined }
  return { store, ttl, ...none, useKeyPrefix: false, throwOnErrors: true, stats: true } as object
}
