import { inTime } from '../../base/deadline.ts'
import { WaitedTooLong } from '../store-unavailable.ts'
import type { MaybePromise } from '../tenant-store.ts'
import type { KeyValue, Texts } from './key-value.ts'

const TOOK_LONG = 'an earlier write of the same key took too long'

/**
 * A write counts as lost when so much time has passed since its timeout. A connection delivers or fails
 * much earlier. A promise that never settles would otherwise block its key until the process ends, and
 * with that key perhaps a tenant's `clear()`.
 */
const LOST_MILLIS = 30_000

interface Running {
  readonly ended: Promise<unknown>
  /** When the write counts as lost, by the monotonic clock. */
  readonly lostAt: number
}

/**
 * Runs the writes of a key one after another, on a store that may reorder them. A write that timed out
 * is still under way. If a delete overtook it, the write would undo the delete. A write that waits too
 * long is not sent, and rejects.
 */
export class OneWriteAtATime implements KeyValue {
  readonly #keyValue: KeyValue
  readonly #timeoutMillis: number
  /** By key, the oldest first. Only keys with a running write are in it. */
  readonly #running = new Map<string, Running>()

  /** @param timeoutMillis how long a write waits for the writes before it */
  constructor(keyValue: KeyValue, timeoutMillis: number) {
    this.#keyValue = keyValue
    this.#timeoutMillis = timeoutMillis
  }

  get isOrdered(): boolean {
    return this.#keyValue.isOrdered
  }

  getMany(keys: readonly string[]): MaybePromise<Texts> {
    return this.#keyValue.getMany(keys)
  }

  set(key: string, text: string, ttlMillis?: number): MaybePromise<void> {
    return this.#write([key], () => this.#keyValue.set(key, text, ttlMillis))
  }

  /** Does not wait. It sets a new token, and all callers at one time must get the same token. */
  setIfAbsent(key: string, text: string): MaybePromise<boolean> {
    return this.#keyValue.setIfAbsent(key, text)
  }

  delete(keys: readonly string[]): MaybePromise<void> {
    return this.#write(keys, () => this.#keyValue.delete(keys))
  }

  scan(prefix: string): AsyncIterable<readonly string[]> {
    return this.#keyValue.scan(prefix)
  }

  close(): Promise<void> {
    return this.#keyValue.close()
  }

  /** Writes at once if no earlier write is running, so that commands called together leave together. */
  #write<T>(keys: readonly string[], write: () => MaybePromise<T>): MaybePromise<T> {
    const before = this.#before(keys)
    return before.length > 0 ? this.#writeLater(keys, before, write) : this.#run(keys, write)
  }

  async #writeLater<T>(
    keys: readonly string[],
    first: readonly Promise<unknown>[],
    write: () => MaybePromise<T>,
  ): Promise<T> {
    const until = performance.now() + this.#timeoutMillis
    for (let before = first; before.length > 0; before = this.#before(keys)) {
      await inTime(until - performance.now(), Promise.all(before), tookLong)
    }
    // The store gets only the rest of the time. If that is too short, the store is not to blame, so the
    // error is `WaitedTooLong`.
    return inTime(until - performance.now(), this.#run(keys, write), tookLong)
  }

  #before(keys: readonly string[]): Promise<unknown>[] {
    this.#forgetLost(performance.now())
    return keys.flatMap((key) => this.#running.get(key)?.ended ?? [])
  }

  #forgetLost(now: number): void {
    for (const [key, { lostAt }] of this.#running) {
      if (now < lostAt) return
      this.#running.delete(key)
    }
  }

  #run<T>(keys: readonly string[], write: () => MaybePromise<T>): MaybePromise<T> {
    const result = write()
    if (!(result instanceof Promise)) return result
    const ended: Promise<unknown> = result.then(
      () => this.#end(keys, ended),
      () => this.#end(keys, ended),
    )
    const lostAt = performance.now() + this.#timeoutMillis + LOST_MILLIS
    for (const key of keys) this.#running.set(key, { ended, lostAt })
    return result
  }

  #end(keys: readonly string[], ended: Promise<unknown>): void {
    for (const key of keys) if (this.#running.get(key)?.ended === ended) this.#running.delete(key)
  }
}

function tookLong(): WaitedTooLong {
  return new WaitedTooLong(TOOK_LONG)
}
