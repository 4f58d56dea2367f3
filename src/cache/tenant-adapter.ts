import type { DeserializedData } from 'keyv'
import { TenantKnexError } from '../base/errors.ts'
import { show } from '../base/option-checks.ts'
import type { CacheSerializer } from '../options/cache.ts'
import type { Flight } from './flights.ts'
import { checkKey, type KeyOwner } from './key-space.ts'
import {
  type Computed,
  type Entry,
  type Epoch,
  type MaybePromise,
  type NewEntry,
  StoreUnavailable,
  type TenantStore,
} from './tenant-store.ts'
import { decode, encode } from './value-codec.ts'

/** A value with the time at which it ceases to be fresh, as Keyv's `raw` has it. */
export type Raw = DeserializedData<unknown>

/** What is the same for all tenants. */
export interface TenantAdapterSettings {
  readonly serializer: CacheSerializer
  /** For entries that come without a time to live, in milliseconds. */
  readonly ttlMillis: number
  /** Throws once the tenantKnex has been destroyed. */
  readonly checkOpen: () => void
}

/** What an adapter is made of. */
export interface TenantAdapterOptions {
  readonly owner: KeyOwner
  readonly store: TenantStore
  readonly settings: TenantAdapterSettings
}

/** What was found, and what to write with in its place. */
export interface Found {
  /** Fresh or stale; undefined where there is nothing that can be read. */
  readonly raw: Raw | undefined
  /** Undefined where the store cannot be reached: nothing can be kept then. */
  readonly epoch: Epoch | undefined
}

/** How long a value is fresh, and how much longer it is kept, in milliseconds. */
export interface Lifetime {
  readonly ttlMillis: number
  readonly staleMillis: number
}

/** In milliseconds; nothing is meant to be kept for ever. */
const MAX_MILLIS = 10 * 365 * 86_400_000

const NO_OPTIONS: object = Object.freeze({})

const ignore = (_error: unknown): void => undefined

/**
 * A Keyv store adapter over one tenant's part of a store. Reads fail open: what cannot be read is not
 * there. Where the store cannot be reached `set` says false; `delete` and `clear` reject.
 */
export class TenantAdapter {
  /** Keyv looks here for what an adapter is; it is none that Keyv knows. */
  readonly opts: object = NO_OPTIONS
  /** Keyv sets it; it says nothing about whose the keys are. */
  namespace: string | undefined
  readonly #options: TenantAdapterOptions
  /** Told of each key that something is said about, or undefined for all. */
  readonly #onChange: (key: string | undefined) => void
  #onError = ignore

  constructor(options: TenantAdapterOptions, onChange: (key: string | undefined) => void) {
    this.#options = options
    this.#onChange = onChange
  }

  /** Hears of what failed; the last listener only, which is Keyv. */
  on(_event: 'error', listener: (error: unknown) => void): this {
    this.#onError = listener
    return this
  }

  /** At once where the store can. */
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

  /** Does not look whether a value can be read. */
  async hasMany(keys: string[]): Promise<boolean[]> {
    for (const key of keys) this.checkKey(key)
    const none = keys.map(() => undefined)
    const entries = await this.#orElse(() => this.#store.getMany(keys), none)
    return entries.map((entry) => entry !== undefined && entry.expires > Date.now())
  }

  async set(key: string, raw: Raw, ttl?: number): Promise<boolean> {
    return (await this.setMany([{ key, value: raw, ttl }]))[0] ?? false
  }

  async setMany(
    entries: { key: string; value: Raw; ttl?: number | undefined }[],
  ): Promise<boolean[]> {
    const encoded = entries.map(({ key, value, ttl }) => this.#entryOf(key, value.value, ttl, 0))
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

  /** Looks for a value that is to be computed where there is none. */
  async find(key: string): Promise<Found> {
    const none = { entry: undefined, epoch: undefined }
    const { entry, epoch } = await this.#orElse<{
      entry: Entry | undefined
      epoch: Epoch | undefined
    }>(() => this.#store.begin(key), none)
    return { raw: this.#decode(entry), epoch }
  }

  /**
   * Keeps what was computed, unless something newer was said of it meanwhile.
   *
   * @returns the text of the value, which everybody who asked is to read
   * @throws `ERR_CACHE_VALUE_INVALID`
   */
  async keep(
    key: string,
    value: unknown,
    { ttlMillis, staleMillis }: Lifetime,
    flight: Flight,
  ): Promise<string> {
    const entry = this.#entryOf(key, value, ttlMillis, staleMillis)
    if (canBeKept(flight)) await this.#orElse(() => this.#store.set([entry], flight), [false])
    return entry.text
  }

  /** A value of its own for each who asked. */
  decode(text: string): unknown {
    return decode(this.#options.settings.serializer, text)
  }

  /** @throws `ERR_OPTION_INVALID` */
  checkLifetime({ ttlMillis, staleMillis }: Lifetime): void {
    checkMillis('ttlMillis', ttlMillis, 1, this.#options.owner.tenant)
    checkMillis('staleMillis', staleMillis, 0, this.#options.owner.tenant)
  }

  /** @throws `ERR_CACHE_KEY_INVALID` */
  checkKey(key: unknown): void {
    checkKey(key, this.#options.owner.tenant)
  }

  get #store(): TenantStore {
    this.#options.settings.checkOpen()
    return this.#options.store
  }

  #entryOf(key: string, value: unknown, given: number | undefined, staleMillis: number): NewEntry {
    const { owner, settings } = this.#options
    this.checkKey(key)
    const ttlMillis = given ?? settings.ttlMillis
    this.checkLifetime({ ttlMillis, staleMillis })
    const text = encode(settings.serializer, value, owner.tenant)
    // Other processes read it, so it is by the clock that all of them have. If that is set back, a store
    // that measures `keepMillis` by itself still ends the entry in time.
    return { key, text, expires: Date.now() + ttlMillis, keepMillis: ttlMillis + staleMillis }
  }

  #fresh(entry: Entry | undefined): Raw | undefined {
    return entry !== undefined && entry.expires > Date.now() ? this.#decode(entry) : undefined
  }

  /** What no longer has a meaning is not there. */
  #decode(entry: Entry | undefined): Raw | undefined {
    if (entry === undefined) return undefined
    try {
      return {
        value: decode(this.#options.settings.serializer, entry.text),
        expires: entry.expires,
      }
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

  /** Reads fail open, where the store is all that failed. */
  #failOpen(error: unknown): void {
    const told = error instanceof StoreUnavailable ? this.#unavailable(error) : error
    if ((told as { code?: unknown }).code !== 'ERR_CACHE_UNAVAILABLE') throw told
    this.#onError(told)
  }

  #unavailable({ message, cause }: StoreUnavailable): TenantKnexError {
    const { tenant } = this.#options.owner
    const whose =
      tenant === undefined ? 'shared cache' : `cache of tenant ${JSON.stringify(tenant)}`
    return new TenantKnexError(
      'ERR_CACHE_UNAVAILABLE',
      `The store of the ${whose} is unavailable: ${message}.`,
      { tenant, cause },
    )
  }
}

function canBeKept(flight: Flight): flight is Flight & Computed {
  return flight.isCurrent && flight.epoch !== undefined
}

function checkMillis(name: string, millis: unknown, min: number, tenant: string | undefined): void {
  if (typeof millis === 'number' && millis >= min && millis <= MAX_MILLIS) return
  throw new TenantKnexError(
    'ERR_OPTION_INVALID',
    `\`${name}\` must be a number of milliseconds from ${min} to ${MAX_MILLIS}, got ${show(millis)}.`,
    { tenant },
  )
}
