import { Heap } from './heap.ts'
import type { TenantShare, Waiter } from './tenant-share.ts'

/** How often whoever is next may be passed over for one whose database the connection is in. */
export const MAX_BYPASSES = 8

/** Of how many connections each a backlog must wait, to be one. */
const BACKLOG_FACTOR = 4

/** Which part of the pool all tenants with a backlog share while others wait. */
const BACKLOG_PART = 1 / 4

/** Says how many connections a tenant may hold now, at most. */
export type CapOf<C, W> = (share: TenantShare<C, W>) => number

/** Who waits for a connection, and who is next. */
export class Waiters<C, W> {
  readonly #max: number
  readonly #capOf: CapOf<C, W>
  /** No tenant with fewer connections than this is ever kept from its turn by its cap. */
  readonly #lowestCap: number
  /** Tenants that are served when their turn comes. */
  readonly #ready = new Heap<TenantShare<C, W>>(turnOf)
  /**
   * Tenants with a backlog, and those that hold as many connections as they may. Each holds one at
   * least: there are no more of them than connections.
   */
  readonly #restricted = new Set<TenantShare<C, W>>()
  readonly #backlogged = new Set<TenantShare<C, W>>()
  #size = 0

  constructor(max: number, lowestCap: number, capOf: CapOf<C, W>) {
    this.#max = max
    this.#lowestCap = lowestCap
    this.#capOf = capOf
  }

  get size(): number {
    return this.#size
  }

  /** Takes someone in, also one who was next before and got nothing. */
  add(waiter: Waiter<C, W>): void {
    const { queue } = waiter.share
    if ((queue.last?.number ?? 0) < waiter.number) queue.append(waiter.inQueue)
    else queue.insert(waiter.inQueue, ({ number }) => number > waiter.number)
    waiter.isWaiting = true
    this.#size++
    this.update(waiter.share)
  }

  remove(waiter: Waiter<C, W>): void {
    waiter.share.queue.remove(waiter.inQueue)
    waiter.isWaiting = false
    this.#size--
    this.update(waiter.share)
  }

  /** Looks anew at a tenant that holds more or fewer connections than before. */
  update(share: TenantShare<C, W>): void {
    if (this.#isBacklogged(share)) this.#backlogged.add(share)
    else this.#backlogged.delete(share)
    const isReady = share.queue.size > 0 && !this.#isRestricted(share)
    if (share.heapIndex === -1) isReady && this.#ready.add(share)
    else if (isReady) this.#ready.update(share)
    else this.#ready.remove(share)
    const isRestricted = share.queue.size > 0 && !isReady
    if (isRestricted === share.isRestricted) return
    share.isRestricted = isRestricted
    if (isRestricted) this.#restricted.add(share)
    else this.#restricted.delete(share)
  }

  /**
   * Who gets the next connection; undefined where none of those who wait may have one.
   *
   * @param home in whose database the connection is that has become idle
   */
  next(home: TenantShare<C, W> | undefined): Waiter<C, W> | undefined {
    const head = this.head()
    if (head === undefined || home === undefined || home === head.share) return head
    const first = home.queue.first
    if (first === undefined || home.inUse >= this.#limitOf(home)) return head
    if (head.bypassed >= MAX_BYPASSES) return head
    head.bypassed++
    return first
  }

  /** Whose turn it is, whichever connection becomes idle. */
  head(): Waiter<C, W> | undefined {
    return (this.#firstWithinLimit() ?? this.#leastServed())?.queue.first
  }

  #firstWithinLimit(): TenantShare<C, W> | undefined {
    let first = this.#ready.first
    for (const share of this.#restricted) {
      if (share.inUse >= this.#limitOf(share)) continue
      if (first === undefined || turnOf(share) < turnOf(first)) first = share
    }
    return first
  }

  /** Nobody else waits: no connection stays idle for a backlog's sake. */
  #leastServed(): TenantShare<C, W> | undefined {
    let least: TenantShare<C, W> | undefined
    for (const share of this.#restricted) {
      if (share.inUse >= this.#capOf(share)) continue
      if (least === undefined || isServedLess(share, least)) least = share
    }
    return least
  }

  /** Who holds none is within every limit, whatever the backlog. */
  #isRestricted(share: TenantShare<C, W>): boolean {
    return share.inUse >= this.#lowestCap || (share.inUse > 0 && this.#isBacklogged(share))
  }

  #isBacklogged({ queue }: TenantShare<C, W>): boolean {
    return queue.size > BACKLOG_FACTOR * this.#max
  }

  #limitOf(share: TenantShare<C, W>): number {
    const cap = this.#capOf(share)
    return this.#isBacklogged(share) ? Math.min(cap, this.#backlogShare()) : cap
  }

  /** How many connections each tenant with a backlog has while others wait. */
  #backlogShare(): number {
    return Math.max(1, Math.floor((this.#max * BACKLOG_PART) / this.#backlogged.size))
  }
}

function turnOf<C, W>({ queue }: TenantShare<C, W>): number {
  return queue.first?.number ?? Number.POSITIVE_INFINITY
}

function isServedLess<C, W>(a: TenantShare<C, W>, b: TenantShare<C, W>): boolean {
  return a.inUse < b.inUse || (a.inUse === b.inUse && turnOf(a) < turnOf(b))
}
