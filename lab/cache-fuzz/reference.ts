/**
 * What a cache may give. Values are numbers that only grow, and each is written once, so a value tells
 * where it is from. Times are numbers of events: one process sees them all in one order.
 */
export class Reference {
  #now = 0
  #values = 0
  /** Of a row: the committed value that the cache was told of, and anything older is stale. */
  readonly #floors = new Map<string, number>()
  /** Of a key without a row: its values that are written, or computed, and not forgotten. */
  readonly #living = new Map<string, Set<number>>()
  /** When a value was forgotten. */
  readonly #forgotten = new Map<number, number>()
  reads = 0
  readonly stale: string[] = []

  newValue(): number {
    return ++this.#values
  }

  /** A row has this value, and whoever wrote it has told the cache. */
  committed(key: string, value: number): void {
    this.#floors.set(key, value)
  }

  /** A value may be in the cache from now on, until it is forgotten. */
  written(key: string, value: number): void {
    const living = this.#living.get(key) ?? new Set()
    this.#living.set(key, living.add(value))
  }

  /** Forgets keys, or all: none of their values may be read by who begins after that. */
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
