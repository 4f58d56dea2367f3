import type { TenantShare } from './tenant-share.ts'

/**
 * The part of the pool that a tenant may hold before any of its connections has come back. A tenant
 * that is stuck on a lock takes no more.
 */
const FIRST_PART = 1 / 3

/** How long a tenant counts as a user of the pool after its last use. */
const PRESENCE_MILLIS = 60_000

/** How many connections tenants may hold. */
export interface CapLimits {
  /** Connections at most. */
  readonly max: number
  /** Connections that one tenant holds at most while others use the pool. */
  readonly maxPerTenant: number
}

/**
 * Says how many connections a tenant may hold. It remembers of all tenants just enough to say whether
 * one is alone in the pool.
 */
export class Caps {
  readonly #limits: CapLimits
  /** A tenant may hold so many in any case. */
  readonly #first: number
  #latest: string | undefined
  #latestAt = Number.NEGATIVE_INFINITY
  /** When any other tenant than the latest used the pool. */
  #otherAt = Number.NEGATIVE_INFINITY

  constructor(limits: CapLimits) {
    this.#limits = limits
    const { max, maxPerTenant } = limits
    const firstPart = Math.max(2, Math.ceil(max * FIRST_PART))
    this.#first = maxPerTenant >= max ? max : Math.min(maxPerTenant, firstPart)
  }

  /** A tenant uses the pool, by its database's name. */
  note(database: string, now: number): void {
    if (database !== this.#latest) {
      this.#otherAt = this.#latestAt
      this.#latest = database
    }
    this.#latestAt = now
  }

  /**
   * A part of the pool at first, and one more for each connection that comes back. If no one else uses
   * the pool, one tenant may have all of it.
   *
   * @param inUse connections that all tenants hold
   */
  of<C, W>(share: TenantShare<C, W>, inUse: number, now: number): number {
    if (share.inUse < this.#first) return this.#first
    const { max, maxPerTenant } = this.#limits
    const isShared = inUse > share.inUse || this.#hasOthers(share.database, now)
    if (!isShared || maxPerTenant >= max) return max
    return Math.min(maxPerTenant, this.#first + share.returnsBy(now))
  }

  /** True if any other tenant has used the pool within the last minute. */
  #hasOthers(database: string, now: number): boolean {
    const at = database === this.#latest ? this.#otherAt : this.#latestAt
    return now - at <= PRESENCE_MILLIS
  }
}
