import type { HeapItem } from './heap.ts'
import { LinkedList, ListNode } from './linked-list.ts'

/** A tenant whose connections have not come back for so long may be stuck, on a lock for example. */
const STANDSTILL_MILLIS = 250

/** What the scheduler knows of one tenant, under the name of its database. */
export class TenantShare<C, W> implements HeapItem {
  readonly database: string
  /** Connections that the tenant holds, or that are being cleaned after it. */
  inUse = 0
  /** Idle connections in its database, the one released last at the end. */
  readonly idle: LinkedList<Member<C, W>> = new LinkedList()
  /** Who waits for a connection for it, the first one first. */
  readonly queue: LinkedList<Waiter<C, W>> = new LinkedList()
  heapIndex = -1
  /** Connections that have come back from it one after the other. */
  #returns = 0
  #returnedAt = Number.NEGATIVE_INFINITY
  /** True while it waits, and something other than its turn decides when it is served. */
  isRestricted = false

  constructor(database: string) {
    this.database = database
  }

  /** A connection has come back from the tenant. */
  onReturn(now: number): void {
    this.#returns = this.returnsBy(now) + 1
    this.#returnedAt = now
  }

  /** How many have come back without a standstill. */
  returnsBy(now: number): number {
    return now - this.#returnedAt <= STANDSTILL_MILLIS ? this.#returns : 0
  }

  /** True where nothing is lost with this object. */
  get isUnused(): boolean {
    return this.inUse === 0 && this.idle.size === 0 && this.queue.size === 0
  }
}

/** What the scheduler knows of one connection. */
export class Member<C, W> implements HeapItem {
  readonly connection: C
  /** Who holds it; undefined while it is idle. */
  holder: TenantShare<C, W> | undefined
  /** In whose database it is idle; undefined where that is not known, and while it is held. */
  home: TenantShare<C, W> | undefined
  /** When it became idle, as a number that only grows. */
  idleSince = 0
  heapIndex = -1
  readonly inOrder: ListNode<Member<C, W>> = new ListNode(this)
  readonly inGroup: ListNode<Member<C, W>> = new ListNode(this)

  constructor(connection: C) {
    this.connection = connection
  }
}

/** Someone who waits for a connection. */
export class Waiter<C, W> {
  readonly item: W
  readonly share: TenantShare<C, W>
  /** Its turn among all: the smaller one came first. */
  readonly number: number
  isWaiting = false
  /** How often it was next, and one who came later was served. */
  bypassed = 0
  readonly inQueue: ListNode<Waiter<C, W>> = new ListNode(this)

  constructor(item: W, share: TenantShare<C, W>, number: number) {
    this.item = item
    this.share = share
    this.number = number
  }
}
