import type { Entry, NewEntry } from '../tenant-store.ts'

/** The memory of an entry without its texts, roughly: its objects and its place in the map. */
const ENTRY_BYTES = 200

interface Held extends Entry {
  /** By the monotonic clock, like all times here except `expires`. */
  readonly until: number
  readonly bytes: number
  /** True if it was read since it was last spared. Such an entry is spared once. */
  isUsed: boolean
}

/** An estimate, usually too high: most texts take one byte for a character, and this counts two. */
export function bytesOf({ key, text }: NewEntry): number {
  return 2 * (key.length + text.length) + ENTRY_BYTES
}

/**
 * One tenant's entries. Entries that were not read for a long time are evicted first. The order is not
 * exact, because a mark on an entry is cheaper than a move (the CLOCK algorithm, Corbató 1968).
 */
export class TenantEntries {
  readonly #entries = new Map<string, Held>()
  #bytes = 0

  get size(): number {
    return this.#entries.size
  }

  get bytes(): number {
    return this.#bytes
  }

  get(key: string, now: number): Entry | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined || entry.until <= now) return undefined
    entry.isUsed = true
    return entry
  }

  set(entry: NewEntry, now: number): void {
    const { key, text, expires, keepMillis } = entry
    const bytes = bytesOf(entry)
    this.#remove(key)
    this.#entries.set(key, { text, expires, until: now + keepMillis, bytes, isUsed: false })
    this.#bytes += bytes
  }

  delete(key: string, now: number): boolean {
    const isThere = this.get(key, now) !== undefined
    this.#remove(key)
    return isThere
  }

  /** Evicts until there are at most so many entries and bytes. Returns how many were evicted. */
  shrink(maxItems: number, maxBytes: number): number {
    let evicted = 0
    while (this.size > maxItems || this.#bytes > maxBytes) {
      const [oldest] = this.#entries
      if (oldest === undefined) break
      if (this.#spare(...oldest)) continue
      this.#remove(oldest[0])
      evicted++
    }
    return evicted
  }

  all(now: number): (Entry & { key: string })[] {
    return [...this.#entries]
      .filter(([, { until }]) => until > now)
      .map(([key, { text, expires }]) => ({ key, text, expires }))
  }

  #spare(key: string, entry: Held): boolean {
    if (!entry.isUsed || this.size === 1) return false
    entry.isUsed = false
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    return true
  }

  #remove(key: string): void {
    this.#bytes -= this.#entries.get(key)?.bytes ?? 0
    this.#entries.delete(key)
  }
}
