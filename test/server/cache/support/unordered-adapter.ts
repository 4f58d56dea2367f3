import { setImmediate as turn } from 'node:timers/promises'
import type { Random } from '../../../../src/testing/random.ts'

/** A Keyv adapter like one with several connections: each call takes effect at a time of its own. */
export class UnorderedAdapter {
  readonly #texts = new Map<string, string>()
  readonly #random: Random

  constructor(random: Random) {
    this.#random = random
  }

  get(key: string): Promise<string | undefined> {
    return this.#sometime(() => this.#texts.get(key))
  }

  set(key: string, text: string): Promise<void> {
    return this.#sometime(() => void this.#texts.set(key, text))
  }

  delete(key: string): Promise<boolean> {
    return this.#sometime(() => this.#texts.delete(key))
  }

  clear(): Promise<void> {
    return this.#sometime(() => this.#texts.clear())
  }

  /** Reads all keys at one moment, like MGET. */
  getMany(keys: string[]): Promise<(string | undefined)[]> {
    return this.#sometime(() => keys.map((key) => this.#texts.get(key)))
  }

  async #sometime<T>(fn: () => T): Promise<T> {
    await this.#turns()
    const result = fn()
    await this.#turns()
    return result
  }

  async #turns(): Promise<void> {
    for (let left = Math.floor(this.#random() ** 4 * 20); left > 0; left--) await turn()
  }
}
