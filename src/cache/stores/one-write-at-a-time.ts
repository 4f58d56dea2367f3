import { type MaybePromise, StoreUnavailable } from '../tenant-store.ts'
import type { KeyValue, Texts } from './key-value.ts'

const UNDER_WAY = 'an earlier write of the same key is still under way'

/**
 * Carries out the writes of a key one after another, on a store that may do them in any order. A write
 * that was given up is still under way: a delete that overtakes it would be undone by it. What waits
 * too long is not done at all, and says so.
 */
export class OneWriteAtATime implements KeyValue {
  readonly #keyValue: KeyValue
  readonly #timeoutMillis: number
  /** By key. Nothing is kept of keys that nobody writes. */
  readonly #running = new Map<string, Promise<unknown>>()

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
    return this.#run(keys, write)
  }

  #before(keys: readonly string[]): Promise<unknown>[] {
    return keys.flatMap((key) => this.#running.get(key) ?? [])
  }

  #run<T>(keys: readonly string[], write: () => MaybePromise<T>): MaybePromise<T> {
    const result = write()
    if (!(result instanceof Promise)) return result
    const ended: Promise<unknown> = result.then(
      () => this.#end(keys, ended),
      () => this.#end(keys, ended),
    )
    for (const key of keys) this.#running.set(key, ended)
    return result
  }

  #end(keys: readonly string[], ended: Promise<unknown>): void {
    for (const key of keys) if (this.#running.get(key) === ended) this.#running.delete(key)
  }
}

async function withinTime(promise: Promise<unknown>, millis: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new StoreUnavailable(UNDER_WAY)), millis)
  })
  try {
    await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
