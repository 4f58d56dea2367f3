import { type MaybePromise, WaitedTooLong } from '../tenant-store.ts'
import type { KeyValue, Texts } from './key-value.ts'

const TOOK_LONG = 'an earlier write of the same key took too long'

/**
 * So long after a write was given up it is taken for lost. It is far longer than a connection takes to
 * deliver or to fail, and short enough that a promise which never settles does not shut its key, which
 * may be that of a tenant's `clear()`, until the process ends.
 */
const LOST_MILLIS = 30_000

interface Running {
  readonly ended: Promise<unknown>
  /** From then on it is taken for lost, by the monotonic clock. */
  readonly lostAt: number
}

/**
 * Carries out the writes of a key one after another, on a store that may do them in any order. A write
 * that was given up is still under way: a delete that overtakes it would be undone by it. What waits
 * too long is not done at all, and says so.
 */
export class OneWriteAtATime implements KeyValue {
  readonly #keyValue: KeyValue
  readonly #timeoutMillis: number
  /** By key, those that began first before the others. Nothing is kept of keys that nobody writes. */
  readonly #running = new Map<string, Running>()

  /** @param timeoutMillis how long a write waits for those before it */
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

  /** Does not wait: it is for tokens that nobody has yet, and those who ask at a time are to agree. */
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

  /** At once if it can: commands that are called together leave together. */
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
      await withinTime(Promise.all(before), until - performance.now())
    }
    // The store has had only what was left of the time.
    return withinTime(this.#run(keys, write), until - performance.now())
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

async function withinTime<T>(promise: MaybePromise<T>, millis: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new WaitedTooLong(TOOK_LONG)), millis)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
