import { insertAt, removeAt } from './arrays.ts'
import type { TenantShare, Waiter } from './tenant-share.ts'

/** How often the next waiter may be passed over for one whose database the free connection is in. */
export const MAX_BYPASSES = 8

/** More waiters of one tenant than this many times the connections are a backlog. */
const BACKLOG_FACTOR = 4

/** The part of the pool that all tenants with a backlog share while others wait. */
const BACKLOG_PART = 1 / 4

/** Says how many connections a tenant may hold now. */
export type CapOf<C, W> = (share: TenantShare<C, W>) => number

/** The acquires that wait for a connection, and which of them is next. */
export class Waiters<C, W> {
  readonly #max: number
  readonly #capOf: CapOf<C, W>
  /**
   * The tenants that wait, by the turn of their first waiter. There may be thousands of waiters, so
   * no search goes over all of them: only tenants that hold a connection are passed over.
   */
  readonly #tenants: TenantShare<C, W>[] = []
  #backlogs = 0
  #size = 0

  constructor(max: number, capOf: CapOf<C, W>) {
    this.#max = max
    this.#capOf = capOf
  }

  get size(): number {
    return this.#size
  }

  /** Adds a waiter at its turn. It may have waited before. */
  add(waiter: Waiter<C, W>): void {
    const { queue } = waiter.share
    let at = queue.length
    while (at > 0 && (queue[at - 1] as Waiter<C, W>).turn > waiter.turn) at--
    if (at === 0 && queue.length > 0) this.#takeOut(waiter.share)
    insertAt(queue, at, waiter)
    if (at === 0) this.#putIn(waiter.share)
    waiter.isWaiting = true
    this.#size++
    if (queue.length === this.#backlogSize) this.#backlogs++
  }

  remove(waiter: Waiter<C, W>): void {
    const { queue } = waiter.share
    if (queue.length === this.#backlogSize) this.#backlogs--
    const at = queue.indexOf(waiter)
    if (at === 0) this.#takeOut(waiter.share)
    removeAt(queue, at)
    if (at === 0 && queue.length > 0) this.#putIn(waiter.share)
    waiter.isWaiting = false
    this.#size--
  }

  /** All of them, a tenant's in the order of their turns. */
  all(): Waiter<C, W>[] {
    return this.#tenants.flatMap(({ queue }) => queue)
  }

  /**
   * The waiter that gets the next connection; undefined if none of them may have one.
   *
   * @param home the tenant whose database the connection is in that has become idle
   */
  next(home: TenantShare<C, W> | undefined): Waiter<C, W> | undefined {
    const head = this.head()
    if (head === undefined || home === undefined || home === head.share) return head
    const first = home.queue[0]
    if (first === undefined || home.inUse >= this.#limitOf(home)) return head
    if (head.bypassed >= MAX_BYPASSES) return head
    head.bypassed++
    return first
  }

  /** The waiter whose turn it is, whichever connection becomes idle. */
  head(): Waiter<C, W> | undefined {
    return (this.#firstWithinLimit() ?? this.#leastServed())?.queue[0]
  }

  #firstWithinLimit(): TenantShare<C, W> | undefined {
    for (const share of this.#tenants) {
      if (share.inUse === 0 || share.inUse < this.#limitOf(share)) return share
    }
    return undefined
  }

  /** No connection stays idle because of a backlog alone. */
  #leastServed(): TenantShare<C, W> | undefined {
    let least: TenantShare<C, W> | undefined
    for (const share of this.#tenants) {
      if (share.inUse >= this.#capOf(share)) continue
      if (least === undefined || share.inUse < least.inUse) least = share
    }
    return least
  }

  /** So many waiters of one tenant are a backlog. */
  get #backlogSize(): number {
    return BACKLOG_FACTOR * this.#max + 1
  }

  #limitOf(share: TenantShare<C, W>): number {
    const cap = this.#capOf(share)
    if (share.queue.length < this.#backlogSize) return cap
    return Math.min(cap, Math.max(1, Math.floor((this.#max * BACKLOG_PART) / this.#backlogs)))
  }

  #putIn(share: TenantShare<C, W>): void {
    insertAt(this.#tenants, this.#indexOf(turnOf(share)), share)
  }

  #takeOut(share: TenantShare<C, W>): void {
    removeAt(this.#tenants, this.#indexOf(turnOf(share)))
  }

  /** The index of the tenant whose first waiter has this turn, or that it would have. */
  #indexOf(turn: number): number {
    let low = 0
    let high = this.#tenants.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (turnOf(this.#tenants[middle] as TenantShare<C, W>) < turn) low = middle + 1
      else high = middle
    }
    return low
  }
}

function turnOf<C, W>({ queue }: TenantShare<C, W>): number {
  return (queue[0] as Waiter<C, W>).turn
}
