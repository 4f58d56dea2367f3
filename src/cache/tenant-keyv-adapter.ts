import type { TenantKnexError } from '../base/errors.ts'
import type { CacheSerializer } from '../options/cache.ts'
import { decodeEntry, encodeEntry, isFresh, type Lifetime, type Raw } from './entry-codec.ts'
import type { Flight } from './flights.ts'
import { checkKey, type KeyOwner } from './key-space.ts'
import { cacheUnavailable, StoreUnavailable } from './store-unavailable.ts'
import type { Computed, Entry, Epoch, MaybePromise, NewEntry, TenantStore } from './tenant-store.ts'
import { decode } from './value-codec.ts'

/** Settings that all tenants share. */
export interface TenantKeyvAdapterSettings {
  readonly serializer: CacheSerializer
  /** The time to live of an entry that is set without one, in milliseconds. */
  readonly ttlMillis: number
  /** Throws once the tenantKnex has been destroyed. */
  readonly checkOpen: () => void
}

/** The parts of an adapter. */
export interface TenantKeyvAdapterOptions {
  readonly owner: KeyOwner
  readonly store: TenantStore
  readonly settings: TenantKeyvAdapterSettings
}

/** The value that was found under a key, and the epoch to write a new one with. */
export interface Found {
  /** Fresh or stale. Undefined if the store has no value that can be read. */
  readonly raw: Raw | undefined
  /** Undefined if the store cannot be reached. Then no value can be kept. */
  readonly epoch: Epoch | undefined
}

const NO_OPTIONS: object = Object.freeze({})

const ignore = (_error: unknown): void => undefined

/**
 * One tenant's part of a store, as the store adapter that Keyv expects. Reads fail open: they find no
 * value if the store cannot be reached. Then `set` returns false, and `delete` and `clear` reject.
 */
export class TenantKeyvAdapter {
  /** Keyv recognises some adapters by their options. It does not know this one. */
  readonly opts: object = NO_OPTIONS
  /** Keyv sets it. The owner of the keys does not depend on it. */
  namespace: string | undefined
  readonly #options: TenantKeyvAdapterOptions
  /** Called with each key that is set or deleted, and with undefined if all keys are cleared. */
  readonly #onChange: (key: string | undefined) => void
  #onError = ignore

  constructor(options: TenantKeyvAdapterOptions, onChange: (key: string | undefined) => void) {
    this.#options = options
    this.#onChange = onChange
  }

  /** Sets the listener for failures. There is only one: the last, which is Keyv's own. */
  on(_event: 'error', listener: (error: unknown) => void): this {
    this.#onError = listener
    return this
  }

  /** Returns no promise if the store answers at once. */
  get(key: string): MaybePromise<Raw | undefined> {
    this.checkKey(key)
    const entry = this.#store.get(key)
    return entry instanceof Promise ? this.#freshLater(entry) : this.#fresh(entry)
  }

  async getMany(keys: string[]): Promise<(Raw | undefined)[]> {
    for (const key of keys) this.checkKey(key)
    const none = keys.map(() => undefined)
    const entries = keys.length ? await this.#orElse(() => this.#store.getMany(keys), none) : none
    return entries.map((entry) => this.#fresh(entry))
  }

  async has(key: string): Promise<boolean> {
    return (await this.hasMany([key]))[0] ?? false
  }

  /** Does not check whether the value can be decoded. */
  async hasMany(keys: string[]): Promise<boolean[]> {
    for (const key of keys) this.checkKey(key)
    const none = keys.map(() => undefined)
    const entries = await this.#orElse(() => this.#store.getMany(keys), none)
    return entries.map((entry) => entry !== undefined && isFresh(entry))
  }

  async set(key: string, raw: Raw, ttl?: number): Promise<boolean> {
    return (await this.setMany([{ key, value: raw, ttl }]))[0] ?? false
  }

  async setMany(
    entries: { key: string; value: Raw; ttl?: number | undefined }[],
  ): Promise<boolean[]> {
    const { ttlMillis } = this.#options.settings
    const encoded = entries.map(({ key, value: { value }, ttl }) =>
      this.#entryOf(key, value, { ttlMillis: ttl ?? ttlMillis, staleMillis: 0 }),
    )
    for (const { key } of encoded) this.#onChange(key)
    return this.#orElse(
      () => this.#store.set(encoded),
      encoded.map(() => false),
    )
  }

  async delete(key: string): Promise<boolean> {
    return this.deleteMany([key])
  }

  /** @throws `ERR_CACHE_UNAVAILABLE` */
  async deleteMany(keys: string[]): Promise<boolean> {
    for (const key of keys) this.checkKey(key)
    for (const key of keys) this.#onChange(key)
    const wereThere = await this.#ask(() => this.#store.delete(keys))
    return wereThere.every(Boolean)
  }

  /** @throws `ERR_CACHE_UNAVAILABLE` */
  async clear(): Promise<void> {
    this.#onChange(undefined)
    await this.#ask(() => this.#store.clear())
  }

  /** @throws `ERR_CACHE_UNAVAILABLE` */
  async purge(): Promise<void> {
    this.#onChange(undefined)
    await this.#ask(() => this.#store.purge())
  }

  /** @throws `ERR_CACHE_UNAVAILABLE` */
  async *entries(): AsyncGenerator<[string, unknown]> {
    const batches = this.#store.scan()[Symbol.asyncIterator]()
    for (;;) {
      const { done, value: batch } = await this.#ask(() => batches.next())
      if (done) return
      for (const { key, ...entry } of batch) {
        const raw = this.#fresh(entry)
        if (raw) yield [key, raw.value]
      }
    }
  }

  /** Looks for a value. If there is none, the caller is going to compute it. */
  async find(key: string): Promise<Found> {
    const none = { entry: undefined, epoch: undefined }
    const { entry, epoch } = await this.#orElse<{
      entry: Entry | undefined
      epoch: Epoch | undefined
    }>(() => this.#store.begin(key), none)
    return { raw: this.#decode(entry), epoch }
  }

  /**
   * Keeps a computed value, unless the key was set, deleted or cleared meanwhile.
   *
   * @returns the text of the value. Each caller reads its own copy from it
   * @throws `ERR_CACHE_VALUE_INVALID`
   */
  async keep(key: string, value: unknown, lifetime: Lifetime, flight: Flight): Promise<string> {
    const entry = this.#entryOf(key, value, lifetime)
    if (canBeKept(flight)) await this.#orElse(() => this.#store.set([entry], flight), [false])
    return entry.text
  }

  /** The value of a text, a new one for each caller. */
  decode(text: string): unknown {
    return decode(this.#options.settings.serializer, text)
  }

  /** @throws `ERR_CACHE_KEY_INVALID` */
  checkKey(key: unknown): void {
    checkKey(key, this.#options.owner.tenant)
  }

  get #store(): TenantStore {
    this.#options.settings.checkOpen()
    return this.#options.store
  }

  #entryOf(key: string, value: unknown, lifetime: Lifetime): NewEntry {
    const { owner, settings } = this.#options
    this.checkKey(key)
    return encodeEntry({ key, value }, lifetime, settings.serializer, owner.tenant)
  }

  #fresh(entry: Entry | undefined): Raw | undefined {
    return entry !== undefined && isFresh(entry) ? this.#decode(entry) : undefined
  }

  /** A text that cannot be decoded counts as no value. */
  #decode(entry: Entry | undefined): Raw | undefined {
    if (entry === undefined) return undefined
    try {
      return decodeEntry(entry, this.#options.settings.serializer)
    } catch (error) {
      this.#onError(error)
      return undefined
    }
  }

  async #freshLater(entry: Promise<Entry | undefined>): Promise<Raw | undefined> {
    try {
      return this.#fresh(await entry)
    } catch (error) {
      this.#failOpen(error)
      return undefined
    }
  }

  async #orElse<T>(fn: () => MaybePromise<T>, otherwise: T): Promise<T> {
    try {
      return await fn()
    } catch (error) {
      this.#failOpen(error)
      return otherwise
    }
  }

  async #ask<T>(fn: () => MaybePromise<T>): Promise<T> {
    try {
      return await fn()
    } catch (error) {
      throw error instanceof StoreUnavailable ? this.#unavailable(error) : error
    }
  }

  /** Reports a failure of the store to the listener. Throws any other error. */
  #failOpen(error: unknown): void {
    const reported = error instanceof StoreUnavailable ? this.#unavailable(error) : error
    if ((reported as { code?: unknown }).code !== 'ERR_CACHE_UNAVAILABLE') throw reported
    this.#onError(reported)
  }

  #unavailable(error: StoreUnavailable): TenantKnexError {
    return cacheUnavailable(error, this.#options.owner.tenant)
  }
}

function canBeKept(flight: Flight): flight is Flight & Computed {
  return flight.isCurrent && flight.epoch !== undefined
}
