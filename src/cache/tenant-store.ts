import type { KeyOwner } from './key-space.ts'

/** A result, or the promise of one. */
export type MaybePromise<T> = T | Promise<T>

/** An entry, as a store keeps it under a key. */
export interface Entry {
  /** The value as text. */
  readonly text: string
  /** When the value stops being fresh, in milliseconds since the epoch of Unix. */
  readonly expires: number
}

/** An entry to keep. */
export interface NewEntry extends Entry {
  readonly key: string
  /** How long it is kept, in milliseconds. If it may be served stale, it is kept longer than fresh. */
  readonly keepMillis: number
}

/**
 * The time from one `clear()` of a tenant to the next. Each entry belongs to one epoch. Entries of a
 * past epoch are never read.
 */
export type Epoch = string | object

/** A computation: the epoch in which it began, and whether its value may still be kept. */
export interface Computed {
  readonly epoch: Epoch
  /** Changes to false when the key is set, deleted or cleared. */
  readonly isCurrent: boolean
}

/** One tenant's part of a store. Every method rejects with `StoreUnavailable` if it fails. */
export interface TenantStore {
  get(key: string): MaybePromise<Entry | undefined>
  getMany(keys: readonly string[]): MaybePromise<(Entry | undefined)[]>
  /** An entry, and the present epoch. A value that is computed for the key is written with it. */
  begin(key: string): MaybePromise<{ readonly entry: Entry | undefined; readonly epoch: Epoch }>
  /** Says for each entry whether it is kept. Without `computed` the entries get the present epoch. */
  set(entries: readonly NewEntry[], computed?: Computed): MaybePromise<boolean[]>
  /** Says for each key whether there was an entry. */
  delete(keys: readonly string[]): MaybePromise<boolean[]>
  /** Makes all entries unreadable at once, however many there are. */
  clear(): MaybePromise<void>
  /** Clears, then deletes the bytes, a batch at a time. */
  purge(): MaybePromise<void>
  /** All entries, a batch at a time. */
  scan(): AsyncIterable<readonly (Entry & { readonly key: string })[]>
}

/** The store with the entries of all tenants of a tenantKnex. */
export interface CacheStore {
  /** One owner's part of the store. An owner without entries takes no memory. */
  open(owner: KeyOwner): TenantStore
  /** Closes the connections that the store opened itself. */
  close(): Promise<void>
}
