/**
 * The values that a cache may return. Values are numbers that only grow, and each is written once, so a value
 * tells its origin. Times count events: one process sees all events in one order.
 */
export class Reference {
  #now = 0
  #values = 0
  /** By row: the committed value that the cache was told of. Older values are stale. */
  readonly #floors = new Map<string, number>()
  /** By key without a row: the values that were written or computed, and not deleted. */
  readonly #living = new Map<string, Set<number>>()
  /** When a value was deleted. */
  readonly #forgotten = new Map<number, number>()
  reads = 0
  readonly stale: string[] = []

  newValue(): number {
    return ++this.#values
  }

  /** A row has this value, and its writer has told the cache. */
  committed(key: string, value: number): void {
    this.#floors.set(key, value)
  }

  /** A value may be in the cache from now on, until it is deleted. */
  written(key: string, value: number): void {
    const living = this.#living.get(key) ?? new Set()
    this.#living.set(key, living.add(value))
  }

  /** Deletes keys, or all. A read that begins afterwards must not find any of their values. */
  async forget(keys: readonly string[] | undefined, run: () => Promise<unknown>): Promise<void> {
    const told = keys ?? [...this.#living.keys()]
    const values = told.flatMap((key) => [...(this.#living.get(key) ?? [])])
    await run()
    const now = ++this.#now
    for (const value of values) this.#forgotten.set(value, now)
    for (const key of told) for (const value of values) this.#living.get(key)?.delete(value)
  }

  async read(keys: readonly string[], how: string, run: () => Promise<unknown[]>): Promise<void> {
    const begin = ++this.#now
    const floors = keys.map((key) => this.#floors.get(key) ?? 0)
    for (const [index, value] of (await run()).entries()) {
      if (typeof value !== 'number') continue
      this.reads++
      const isForgotten = (this.#forgotten.get(value) ?? Number.POSITIVE_INFINITY) < begin
      const isOld = value < (floors[index] ?? 0)
      if (isForgotten || isOld) this.stale.push(`${how} ${keys[index]}: ${value}`)
    }
  }
}
