/** A tenant whose connections have not come back for so long may be stuck, on a lock for example. */
const STANDSTILL_MILLIS = 250

/** One tenant, as the scheduler knows it: by the name of its database. */
export class TenantShare<C, W> {
  readonly database: string
  /** Connections that the tenant holds, or that are being cleaned after it. */
  inUse = 0
  /** How many idle connections are in its database. */
  idle = 0
  /** Its acquires that wait, in the order of their turns. */
  readonly queue: Waiter<C, W>[] = []
  /** Connections that have come back from it without a standstill. */
  #returns = 0
  #returnedAt = Number.NEGATIVE_INFINITY

  constructor(database: string) {
    this.database = database
  }

  /** A connection has come back from the tenant. */
  onReturn(now: number): void {
    this.#returns = this.returnsBy(now) + 1
    this.#returnedAt = now
  }

  /** How many connections have come back without a standstill. */
  returnsBy(now: number): number {
    return now - this.#returnedAt <= STANDSTILL_MILLIS ? this.#returns : 0
  }

  /** True if nothing is lost with this object. */
  get isUnused(): boolean {
    return this.inUse === 0 && this.idle === 0 && this.queue.length === 0
  }
}

/** One connection, as the scheduler knows it. */
export class Member<C, W> {
  readonly connection: C
  /** Its holder; undefined while it is idle. */
  holder: TenantShare<C, W> | undefined
  /** The tenant whose database it is idle in; undefined if that is not known, and while it is held. */
  home: TenantShare<C, W> | undefined
  /** When it became idle, as a number that only grows. */
  idleSince = 0

  constructor(connection: C) {
    this.connection = connection
  }
}

/** An acquire that waits for a connection. */
export class Waiter<C, W> {
  readonly item: W
  readonly share: TenantShare<C, W>
  /** Its turn among all waiters: the lowest is next. */
  readonly turn: number
  isWaiting = false
  /** True if a connection in no tenant's database suits it as well as one in its own. */
  readonly takesAny: boolean
  /** How often a later waiter was served although this one was next. */
  bypassed = 0

  constructor(item: W, share: TenantShare<C, W>, turn: number, takesAny = false) {
    this.item = item
    this.share = share
    this.turn = turn
    this.takesAny = takesAny
  }
}
