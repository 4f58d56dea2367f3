import type { KeyValue } from './key-value.ts'

/** A store adapter of Keyv 5, or a Map. */
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

/** Keys in a batch of a scan. */
const BATCH = 500

/**
 * A user's Keyv adapter, as a store of this library. If the adapter lacks a command, other commands
 * replace it as well as possible: one `get` for each key, or a `get` before a `set`. The adapter belongs
 * to the user and stays open.
 */
export class KeyvStore implements KeyValue {
  /** The order is unknown, because the adapter may have several connections. */
  readonly isOrdered = false
  readonly #adapter: KeyvAdapter

  constructor(adapter: KeyvAdapter) {
    this.#adapter = adapter
    // If the adapter is an EventEmitter, an `error` event without a listener would end the process.
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

  /** Yields no keys if the adapter has no iterator. */
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
