import type { KeyValue } from './key-value.ts'

/** A Keyv store adapter as of Keyv 5, or a Map. */
export interface KeyvAdapter {
  get(key: string): unknown
  set(key: string, value: string, ttlMillis?: number): unknown
  delete(key: string): unknown
  clear(): unknown
  getMany?(keys: string[]): unknown
  deleteMany?(keys: string[]): unknown
  iterator?(namespace?: string): AsyncIterable<readonly [string, unknown]>
  on?(event: 'error', listener: () => void): unknown
}

/** Keys that are handed on at a time. */
const BATCH = 500

/**
 * A store on any Keyv adapter. What it has no command for is done as well as it can be: one question
 * for each key, a set after a look. It is the user's own, and stays open.
 */
export class Adapter implements KeyValue {
  /** Nobody knows: it may have several connections. */
  readonly isOrdered = false
  readonly #adapter: KeyvAdapter

  constructor(adapter: KeyvAdapter) {
    this.#adapter = adapter
    // An adapter that is an EventEmitter ends the process where nobody hears of its errors.
    if (!(adapter instanceof Map)) adapter.on?.('error', () => undefined)
  }

  async getMany(keys: readonly string[]): Promise<(string | undefined)[]> {
    const values = this.#adapter.getMany
      ? ((await this.#adapter.getMany([...keys])) as unknown[])
      : await Promise.all(keys.map((key) => this.#adapter.get(key)))
    return values.map((value) => (typeof value === 'string' ? value : undefined))
  }

  async set(key: string, text: string, ttlMillis?: number): Promise<void> {
    const isSet = await this.#adapter.set(key, text, ttlMillis)
    if (isSet === false) throw new Error('The adapter says that it has not set the key.')
  }

  async setIfAbsent(key: string, text: string): Promise<boolean> {
    const [present] = await this.getMany([key])
    if (present === undefined) await this.set(key, text)
    return present === undefined
  }

  async delete(keys: readonly string[]): Promise<void> {
    if (this.#adapter.deleteMany) await this.#adapter.deleteMany([...keys])
    else await Promise.all(keys.map((key) => this.#adapter.delete(key)))
  }

  /** Nothing where the adapter has no iterator. */
  async *scan(): AsyncGenerator<readonly string[]> {
    let batch: string[] = []
    for await (const [key] of this.#entries()) {
      batch.push(key)
      if (batch.length < BATCH) continue
      yield batch
      batch = []
    }
    if (batch.length > 0) yield batch
  }

  async close(): Promise<void> {}

  #entries(): AsyncIterable<readonly [string, unknown]> | Iterable<[string, unknown]> {
    if (this.#adapter instanceof Map) return [...(this.#adapter as Map<string, unknown>)]
    return this.#adapter.iterator?.() ?? []
  }
}
