import type { KeyOwner } from './key-space.ts'

/** A result that may be there at once. */
export type MaybePromise<T> = T | Promise<T>

/** What a store keeps under a key. */
export interface Entry {
  /** The value as text. */
  readonly text: string
  /** When the value ceases to be fresh, in milliseconds since the epoch of Unix. */
  readonly expires: number
}

/** An entry to be kept. */
export interface NewEntry extends Entry {
  readonly key: string
  /** How long it is kept, in milliseconds: longer than it is fresh where it may be served stale. */
  readonly keepMillis: number
}

/**
 * Stands for all that a tenant's entries have in common until the next `clear()`. What is written
 * with an epoch that has passed is never read.
 */
export type Epoch = string | object

/** What was computed: the epoch that it was begun in, and whether it is still wanted. */
export interface Computed {
  readonly epoch: Epoch
  /** Changes to false once something newer was said of the key. */
  readonly isCurrent: boolean
}

/** A store did not do what it was asked for. */
export class StoreUnavailable extends Error {
  /** @param problem what happened, as the end of a sentence about the store */
  constructor(problem: string, cause?: unknown) {
    super(problem, { cause })
  }
}

/** A call waited too long for another one of this process: that says nothing about the store. */
export class WaitedTooLong extends StoreUnavailable {}

/** Where one tenant's entries are. Everything rejects with `StoreUnavailable` where it fails. */
export interface TenantStore {
  get(key: string): MaybePromise<Entry | undefined>
  getMany(keys: readonly string[]): MaybePromise<(Entry | undefined)[]>
  /** An entry, and the epoch to write with what is computed because it is not there. */
  begin(key: string): MaybePromise<{ readonly entry: Entry | undefined; readonly epoch: Epoch }>
  /** Says of each entry whether it is kept. What was not computed has the present epoch. */
  set(entries: readonly NewEntry[], computed?: Computed): MaybePromise<boolean[]>
  /** Says of each key whether there was an entry. */
  delete(keys: readonly string[]): MaybePromise<boolean[]>
  /** Makes all entries unreadable at once, whatever their number. */
  clear(): MaybePromise<void>
  /** Clears, and deletes the bytes too, a batch at a time. */
  purge(): MaybePromise<void>
  /** All entries, a batch at a time. */
  scan(): AsyncIterable<readonly (Entry & { readonly key: string })[]>
}

/** What all tenants of a tenantKnex keep their entries in. */
export interface CacheStore {
  /** One owner's part of it. Nothing is kept about owners that have no entries. */
  open(owner: KeyOwner): TenantStore
  /** Closes what the store opened itself. */
  close(): Promise<void>
}
