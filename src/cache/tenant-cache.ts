import { Keyv, type StoredDataNoRaw, type StoredDataRaw } from 'keyv'
import { TenantKnexError } from '../base/errors.ts'
import { invalid, isObject, rejectRenamedKeys, rejectUnknownKeys } from '../base/option-checks.ts'
import type { Tenant } from '../tenants/tenant.ts'
import type { Cached } from './cached.ts'
import { checkLifetime, type Lifetime } from './entry-codec.ts'
import { type Flight, Flights } from './flights.ts'
import {
  TenantKeyvAdapter,
  type TenantKeyvAdapterOptions,
  type TenantKeyvAdapterSettings,
} from './tenant-keyv-adapter.ts'

/** How {@link TenantCache.remember} keeps a computed value. */
export interface RememberOptions {
  /** How long the value is fresh, in milliseconds. @defaultValue the option `cache.ttlMillis` */
  readonly ttlMillis?: number
  /**
   * How long the value may be served after it is no longer fresh, in milliseconds. Meanwhile one caller
   * computes it again.
   * @defaultValue 0
   */
  readonly staleMillis?: number
}

/** Runs a function with a tenant in scope, or with none. */
export type RunInScope = <T>(tenant: Tenant | undefined, fn: () => T | PromiseLike<T>) => Promise<T>

/** Settings that the caches of all tenants share. */
export interface TenantCacheSettings extends TenantKeyvAdapterSettings {
  /** How long a call waits for the factory of another call, in milliseconds. */
  readonly waitMillis: number
  readonly allowScan: boolean
  readonly runInScope: RunInScope
}

/** The parts of a cache. */
export interface TenantCacheOptions extends TenantKeyvAdapterOptions {
  readonly settings: TenantCacheSettings
  /** Undefined for the shared cache. */
  readonly tenant: Tenant | undefined
}

const LIFETIME_KEYS = [
  'ttlMillis',
  'staleMillis',
] as const satisfies readonly (keyof RememberOptions)[]

const RENAMED = { ttl: 'ttlMillis', staleFor: 'staleMillis' } as const

/** Properties that a Keyv lets its users change. Here a change would lose the entries. */
const FIXED = ['compression', 'deserialize', 'serialize', 'store'] as const

/**
 * A Keyv with the keys of one tenant. No other tenant can read, overwrite, list or clear them. A bound
 * Knex has it as `cache`. Every entry has a time to live. Values are copied.
 *
 * Reads fail open. If the store cannot be reached, a read finds no value, `set` returns false, and the
 * cache emits an `error` event. `delete`, `clear` and `purge` reject with `ERR_CACHE_UNAVAILABLE`,
 * because the old entries may still be there.
 */
export class TenantCache extends Keyv<unknown> {
  readonly #options: TenantCacheOptions
  readonly #adapter: TenantKeyvAdapter
  readonly #flights: Flights

  constructor(options: TenantCacheOptions) {
    const flights = new Flights(options.settings.waitMillis, options.owner.tenant)
    const adapter = new TenantKeyvAdapter(options, (key) => flights.outdate(key))
    super(keyvOptions(adapter, options.settings.ttlMillis))
    Object.defineProperty(this, 'opts', { value: lasting(this.opts), writable: false })
    this.#options = options
    this.#adapter = adapter
    this.#flights = flights
    this.iterator = () => this.#iterate()
  }

  /** The text that all keys of this tenant begin with in the store. No other tenant has the same. */
  get prefix(): string {
    return this.#options.owner.prefix
  }

  /**
   * Returns a value from the cache. If there is none, calls the factory and keeps its result. Calls at
   * the same time share one run of the factory, which runs in the tenant's scope. Each caller gets a
   * copy that the serializer makes.
   *
   * The default serializer is JSON. It makes a text of a `Date`, for example. {@link Cached} is the type
   * of the result, here and from `get`. With a `cache.serializer` that keeps types, name the result:
   * `remember<User, User>(...)`.
   *
   * `undefined` is not kept, `null` is. If the factory fails, all waiting calls get its error, which is
   * not kept.
   *
   * With `staleMillis`, a stale value is served for that time and computed again in the background. If
   * that fails, the cache only emits an `error` event.
   *
   * @throws `ERR_CACHE_FACTORY_CYCLE` if the key's own factory calls it
   * @throws `ERR_CACHE_FACTORY_TIMEOUT` if another call runs the factory, for too long
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
    // A Map, like many adapters, drops no entry. There an entry stays stale for ever.
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
   * Clears the cache like `clear()`, then deletes the bytes, a batch at a time. Use it when a tenant
   * leaves or asks you to delete its data. If an adapter cannot list its keys, the bytes stay until
   * their time to live is over.
   *
   * @throws `ERR_CACHE_UNAVAILABLE`
   */
  async purge(): Promise<void> {
    this.emit('clear')
    try {
      await this.#adapter.purge()
    } catch (error) {
      this.emit('error', error) // Keyv does the same in `clear`
      throw error
    }
  }

  /**
   * Keyv's `get`: the value of a key, or undefined. `T` is the type of the value that was set. The result
   * is the copy that the serializer made.
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

  /** Closes nothing, because all tenants share the store. */
  override async disconnect(): Promise<void> {
    this.emit('disconnect')
  }

  #lifetime(options: RememberOptions, factory: unknown): Lifetime {
    const { tenant } = this.#options.owner
    if (typeof factory !== 'function' || !isObject(options as unknown)) {
      throw invalid(
        '`remember` takes a key, `{ ttlMillis, staleMillis }`, and a function that returns the value.',
        { tenant },
      )
    }
    rejectRenamedKeys(options, RENAMED, '', { tenant })
    rejectUnknownKeys(options, LIFETIME_KEYS, '', { tenant })
    const { ttlMillis = this.ttl ?? 0, staleMillis = 0 } = options
    const lifetime = { ttlMillis, staleMillis }
    checkLifetime(lifetime, tenant)
    return lifetime
  }

  #iterate(): AsyncGenerator<[string, unknown], void> {
    if (this.#options.settings.allowScan) return this.#adapter.entries()
    throw new TenantKnexError(
      'ERR_CACHE_SCAN_REFUSED',
      'Listing the keys of a cache searches the whole store. Pass `cache.allowScan: true` to allow it.',
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
        `The \`${name}\` of a tenant's cache is fixed. Use the \`cache\` option of createTenantKnex.`,
      )
    },
  })
}

/**
 * The options that Keyv reads and writes later. Keyv's own object holds more, and takes a fifth of the
 * memory of a tenant's cache. Keyv finds the store there, so that property cannot be written.
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

/** Keyv leaves keys and values as they are. The adapter encodes them. */
function keyvOptions(store: TenantKeyvAdapter, ttl: number): ConstructorParameters<typeof Keyv>[0] {
  const none = { namespace: undefined, serialize: undefined, deserialize: undefined }
  return { store, ttl, ...none, useKeyPrefix: false, throwOnErrors: true, stats: true } as object
}
