import type { KeyValue } from './key-value.ts'

/** The methods of a `node-cache` that are used here. */
export interface NodeCacheLike {
  mget(keys: string[]): Record<string, unknown>
  set(key: string, value: string, ttlSeconds: number): boolean
  del(keys: string[]): number
  keys(): string[]
  getTtl(key: string): number | undefined
  flushAll(): void
}

/** node-cache never ends an entry with this time to live, even if it has a `stdTTL`. */
const FOR_EVER = 0

/** A store on the user's own `node-cache`. It has only the limits of that node-cache. */
export class NodeCacheStore implements KeyValue {
  readonly isOrdered = true
  readonly #cache: NodeCacheLike

  constructor(cache: NodeCacheLike) {
    this.#cache = cache
  }

  getMany(keys: readonly string[]): (string | undefined)[] {
    const found = this.#cache.mget([...keys])
    return keys.map((key) => {
      const text = Object.hasOwn(found, key) ? found[key] : undefined
      return typeof text === 'string' ? text : undefined
    })
  }

  set(key: string, text: string, ttlMillis?: number): void {
    this.#cache.del([key]) // a full node-cache refuses even a key that it already has
    this.#cache.set(key, text, ttlMillis === undefined ? FOR_EVER : ttlMillis / 1_000)
  }

  setIfAbsent(key: string, text: string): boolean {
    const [present] = this.getMany([key])
    if (present === undefined) this.set(key, text)
    return present === undefined
  }

  delete(keys: readonly string[]): void {
    this.#cache.del([...keys])
  }

  async *scan(): AsyncGenerator<readonly string[]> {
    yield this.#cache.keys()
  }

  async close(): Promise<void> {}
}
