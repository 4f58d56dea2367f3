import { setImmediate as turn } from 'node:timers/promises'
import type { TenantCache } from '../../../../src/index.ts'
import { pick, pickWeighted, type Random } from '../../../../src/testing/random.ts'

const KEYS = ['x', 'y', 'z']

interface Span {
  readonly begin: number
  readonly end: number
}

interface Read extends Span {
  readonly value: number
}

/**
 * The history of several users of one cache. Each value is written once, so a value tells
 * where it comes from. Times are numbers of events: one process sees all events in one order.
 */
export class History {
  #now = 0
  #values = 0
  /** When a value certainly existed: its factory has begun, its set has ended, or it was read. */
  readonly #there = new Map<number, number>()
  readonly #clears: Span[] = []
  readonly #reads: Read[] = []

  get hits(): number {
    return this.#reads.length
  }

  /** Runs a random operation, and notes it. */
  async act(cache: TenantCache, random: Random): Promise<void> {
    const key = pick(random, KEYS)
    const acts = [
      { weight: 4, run: () => this.#read(() => cache.get(key)) },
      { weight: 4, run: () => this.#set(cache, key) },
      { weight: 3, run: () => this.#remember(cache, key, Math.floor(random() * 4)) },
      { weight: 2, run: () => this.#clear(cache) },
    ]
    await pickWeighted(random, acts).run()
  }

  /** Reads that began after a clear had ended, and returned values that existed before it began. */
  wrongReads(): Read[] {
    return this.#reads.filter(({ begin, value }) => {
      const there = this.#there.get(value) ?? Number.POSITIVE_INFINITY
      return this.#clears.some((clear) => there < clear.begin && clear.end < begin)
    })
  }

  async #read(read: () => Promise<unknown>): Promise<void> {
    const begin = ++this.#now
    const value = await read()
    if (typeof value !== 'number') return
    this.#note(value)
    this.#reads.push({ begin, end: this.#now, value })
  }

  async #set(cache: TenantCache, key: string): Promise<void> {
    const value = ++this.#values
    await cache.set(key, value)
    this.#note(value)
  }

  async #remember(cache: TenantCache, key: string, turns: number): Promise<void> {
    await this.#read(() =>
      cache.remember(key, { ttlMillis: 60_000 }, async () => {
        const value = ++this.#values
        this.#note(value)
        for (let i = 0; i < turns; i++) await turn()
        return value
      }),
    )
  }

  async #clear(cache: TenantCache): Promise<void> {
    const begin = ++this.#now
    await cache.clear()
    this.#clears.push({ begin, end: ++this.#now })
  }

  /** The first time counts. */
  #note(value: number): void {
    const now = ++this.#now
    if (!this.#there.has(value)) this.#there.set(value, now)
  }
}
