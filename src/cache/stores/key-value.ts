import type { MaybePromise } from '../tenant-store.ts'

/** The texts of several keys, in the order of the keys. */
export type Texts = readonly (string | null | undefined)[]

/**
 * The commands of a store that keeps texts by key, such as Redis. A command rejects if it failed. It may
 * still be under way then.
 */
export interface KeyValue {
  /** True if commands run in the order of their calls. */
  readonly isOrdered: boolean
  /** The texts of keys, null or undefined for a missing key. Returns no promise if it can. */
  getMany(keys: readonly string[]): MaybePromise<Texts>
  /** Sets a text, with a time to live in milliseconds. Without one the text stays. */
  set(key: string, text: string, ttlMillis?: number): MaybePromise<void>
  /** Sets a text if the key has none, and says whether it did. Only Redis does this atomically. */
  setIfAbsent(key: string, text: string): MaybePromise<boolean>
  delete(keys: readonly string[]): MaybePromise<void>
  /** All keys with this prefix, a batch at a time. There may be other keys among them. */
  scan(prefix: string): AsyncIterable<readonly string[]>
  /** Closes the connections that it opened itself. */
  close(): Promise<void>
}
