import type { KeyOwner } from '../key-space.ts'
import type { CacheStore, Computed, Entry, Epoch, NewEntry, TenantStore } from '../tenant-store.ts'
import { levelFor } from './level.ts'
import { bytesOf, TenantEntries } from './tenant-entries.ts'

/** How much the store may keep in this process. */
export interface MemoryLimits {
  /** Entries of one tenant. */
  readonly maxItemsPerTenant: number
  /** Bytes of one tenant, as `TenantEntries` estimates them. */
  readonly maxBytesPerTenant: number
  /** Bytes of all tenants. */
  readonly maxBytes: number
}

/** The size of the store in this process. */
export interface MemoryStats {
  readonly tenants: number
  readonly items: number
  /** An estimate. */
  readonly bytes: number
  /** Entries that were evicted since the store was created. */
  readonly evictions: number
}

/** A full store shrinks to this share of its limit, so that it is not full again at once. */
const RECLAIMED = 0.95

/** Up to so many tenants, the store does not look for tenants without entries. */
const FEW_TENANTS = 1_000

/**
 * Keeps entries in this process, as text. So a caller that changes its value changes only its own copy.
 * If all tenants together exceed the limit, the largest shrink first, down to one level.
 */
export class MemoryStore implements CacheStore {
  readonly #limits: MemoryLimits
  readonly #tenants = new Map<string, TenantEntries>()
  #bytes = 0
  #evictions = 0
  #sweepAt = FEW_TENANTS

  constructor(limits: MemoryLimits) {
    this.#limits = limits
  }

  /** Two owners with the same prefix by mistake still have separate entries. */
  open({ prefix, mark }: KeyOwner): TenantStore {
    return new MemoryTenantStore(this, prefix + mark)
  }

  async close(): Promise<void> {
    this.#tenants.clear()
    this.#bytes = 0
  }

  stats(): MemoryStats {
    const sizes = [...this.#tenants.values()].map(({ size }) => size).filter((size) => size > 0)
    const items = sizes.reduce((sum, size) => sum + size, 0)
    return { tenants: sizes.length, items, bytes: this.#bytes, evictions: this.#evictions }
  }

  find(prefix: string): TenantEntries | undefined {
    return this.#tenants.get(prefix)
  }

  /** A tenant's entries. The object itself is the epoch of these entries. */
  findOrCreate(prefix: string): TenantEntries {
    const found = this.#tenants.get(prefix)
    if (found) return found
    if (this.#tenants.size >= this.#sweepAt) this.#sweep()
    const entries = new TenantEntries()
    this.#tenants.set(prefix, entries)
    return entries
  }

  drop(prefix: string): void {
    this.#bytes -= this.#tenants.get(prefix)?.bytes ?? 0
    this.#tenants.delete(prefix)
  }

  /** Runs a function that changes a tenant's entries, and updates the number of bytes. */
  change<T>(entries: TenantEntries, fn: () => T): T {
    const before = entries.bytes
    const result = fn()
    this.#bytes += entries.bytes - before
    return result
  }

  /** Says whether the entry is kept. It is not kept if it is larger than its tenant's limit. */
  add(entries: TenantEntries, entry: NewEntry, now: number): boolean {
    const { maxBytesPerTenant, maxItemsPerTenant, maxBytes } = this.#limits
    const bytes = bytesOf(entry)
    const fits = bytes <= Math.min(maxBytesPerTenant, maxBytes * RECLAIMED)
    this.change(entries, () => {
      entries.delete(entry.key, now)
      if (!fits) return
      // First, because the new entry is unread: it would be evicted before entries that were read.
      this.#evictions += entries.shrink(maxItemsPerTenant - 1, maxBytesPerTenant - bytes)
      entries.set(entry, now)
    })
    if (this.#bytes > maxBytes) this.#reclaim(maxBytes * RECLAIMED)
    return fits
  }

  /** Forgets tenants without entries. A value that is being computed for one of them is not kept. */
  #sweep(): void {
    for (const [prefix, { size }] of this.#tenants) if (size === 0) this.#tenants.delete(prefix)
    this.#sweepAt = Math.max(FEW_TENANTS, 2 * this.#tenants.size)
  }

  #reclaim(target: number): void {
    const level = levelFor(
      [...this.#tenants.values()].map(({ bytes }) => bytes),
      target,
    )
    for (const entries of this.#tenants.values()) {
      if (entries.bytes <= level) continue
      this.change(entries, () => {
        this.#evictions += entries.shrink(Number.POSITIVE_INFINITY, level)
      })
    }
  }
}

class MemoryTenantStore implements TenantStore {
  readonly #store: MemoryStore
  readonly #prefix: string

  constructor(store: MemoryStore, prefix: string) {
    this.#store = store
    this.#prefix = prefix
  }

  get(key: string): Entry | undefined {
    return this.#store.find(this.#prefix)?.get(key, performance.now())
  }

  getMany(keys: readonly string[]): (Entry | undefined)[] {
    return keys.map((key) => this.get(key))
  }

  begin(key: string): { entry: Entry | undefined; epoch: Epoch } {
    const epoch = this.#store.findOrCreate(this.#prefix)
    return { entry: epoch.get(key, performance.now()), epoch }
  }

  set(entries: readonly NewEntry[], computed?: Computed): boolean[] {
    return entries.map((entry) => this.#set(entry, computed?.epoch))
  }

  #set(entry: NewEntry, epoch: Epoch | undefined): boolean {
    const entries = this.#store.findOrCreate(this.#prefix)
    if (epoch !== undefined && epoch !== entries) return false
    return this.#store.add(entries, entry, performance.now())
  }

  delete(keys: readonly string[]): boolean[] {
    const entries = this.#store.find(this.#prefix)
    if (entries === undefined) return keys.map(() => false)
    const now = performance.now()
    return this.#store.change(entries, () => keys.map((key) => entries.delete(key, now)))
  }

  clear(): void {
    this.#store.drop(this.#prefix)
  }

  purge(): void {
    this.clear()
  }

  async *scan(): AsyncGenerator<(Entry & { key: string })[]> {
    yield this.#store.find(this.#prefix)?.all(performance.now()) ?? []
  }
}
