import type { MaybePromise } from '../tenant-store.ts'

/** Texts that were asked for, in the order of the keys. */
export type Texts = readonly (string | null | undefined)[]

/**
 * The commands that a store of its own process must have: texts by key. Everything rejects where it
 * could not be done, and does nothing then or is still under way.
 */
export interface KeyValue {
  /** True where commands are carried out in the order in which they are called. */
  readonly isOrdered: boolean
  /** The texts of keys; null or undefined where there is none. At once where it can. */
  getMany(keys: readonly string[]): MaybePromise<Texts>
  /** Without a time to live the text stays. In milliseconds. */
  set(key: string, text: string, ttlMillis?: number): MaybePromise<void>
  /** Sets a text where there is none, and says whether it did; best effort outside Redis. */
  setIfAbsent(key: string, text: string): MaybePromise<boolean>
  delete(keys: readonly string[]): MaybePromise<void>
  /** All keys that begin like this, a batch at a time, perhaps with others among them. */
  scan(prefix: string): AsyncIterable<readonly string[]>
  /** Closes what it opened itself. */
  close(): Promise<void>
}
