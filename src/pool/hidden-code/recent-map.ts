/**
 * A map that forgets what nobody asked for lately: an entry that is not used between two turns. It costs a
 * look-up for each use, and no timer.
 */
export class RecentMap<V> {
  readonly #max: number
  #recent = new Map<string, V>()
  #older = new Map<string, V>()

  /** @param max how many entries are used before the map turns by itself. It holds twice as many */
  constructor(max: number) {
    this.#max = max
  }

  /** The value of a key. It counts as a use. */
  get(key: string): V | undefined {
    const value = this.#recent.get(key)
    if (value !== undefined) return value
    const old = this.#older.get(key)
    if (old !== undefined) this.set(key, old)
    return old
  }

  set(key: string, value: V): void {
    if (this.#recent.size >= this.#max) this.turn()
    this.#older.delete(key)
    this.#recent.set(key, value)
  }

  /** Forgets what was not used since the last turn. */
  turn(): void {
    this.#older = this.#recent
    this.#recent = new Map()
  }

  /** All entries, the ones used lately first. It is no use of them. */
  *entries(): IterableIterator<[string, V]> {
    yield* this.#recent
    yield* this.#older
  }
}
