import { setImmediate as nextTurn } from 'node:timers/promises'

/** A Keyv adapter with only the methods that Keyv needs. It answers later, like a database. */
export class SmallAdapter {
  readonly #texts = new Map<string, unknown>()

  async get(key: string): Promise<unknown> {
    await nextTurn()
    return this.#texts.get(key)
  }

  async set(key: string, text: unknown): Promise<void> {
    await nextTurn()
    this.#texts.set(key, text)
  }

  async delete(key: string): Promise<boolean> {
    await nextTurn()
    return this.#texts.delete(key)
  }

  async clear(): Promise<void> {
    this.#texts.clear()
  }

  /** For tests. Keyv has no such method. */
  keys(): Iterable<string> {
    return this.#texts.keys()
  }
}
