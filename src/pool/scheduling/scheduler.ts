import { type CapLimits, Caps } from './caps.ts'
import { Comebacks } from './comebacks.ts'
import { IdleConnections } from './idle-connections.ts'
import { Member, TenantShare, Waiter } from './tenant-share.ts'
import { Waiters } from './waiters.ts'

/** How many connections may be on their way that no one waits for. */
const MAX_WIDENING = 2

/**
 * The pool is widened only if at least this part of take-overs is by tenants that have lost a
 * connection lately. Others gain little: with 1,000 tenants drawn at random for each request, a pool
 * of 50 switches a third less often than one of 16 and does no more work (benchmarks/README.md, "What
 * does each piece buy?").
 */
const MIN_COMEBACKS = 1 / 2

/** The limits of a scheduler. */
export interface SchedulerLimits extends CapLimits {
  /** Acquires of one tenant that wait at most. */
  readonly maxWaitingPerTenant: number
}

/** Why to open a connection: an acquire waits, or it saves the next tenant a take-over. */
export type ConnectReason = 'waiter' | 'widening'

/** Which waiter gets which connection. */
export interface Assignment<C, W> {
  readonly waiter: Waiter<C, W>
  readonly member: Member<C, W>
}

/**
 * Decides which idle connection a tenant gets, which waiter is next, and when to open a connection.
 * It does nothing itself: no I/O, no clock, no chance. The pool tells it what becomes of the
 * connections, and the time. It only saves switches and keeps tenants from each other's way; a bad
 * choice is slow, not wrong.
 *
 * A search goes over all idle connections, but never over all waiters.
 *
 * @typeParam C what is scheduled: connections
 * @typeParam W what waits for them
 */
export class Scheduler<C, W> {
  readonly #limits: SchedulerLimits
  readonly #shares = new Map<string, TenantShare<C, W>>()
  readonly #idle = new IdleConnections<C, W>()
  readonly #waiters: Waiters<C, W>
  readonly #caps: Caps
  readonly #comebacks: Comebacks
  #now = Number.NEGATIVE_INFINITY
  #inUse = 0
  #turns = 0
  #isWiderWanted = false
  #wideningFrom = Number.NEGATIVE_INFINITY

  constructor(limits: SchedulerLimits) {
    this.#limits = limits
    this.#caps = new Caps(limits)
    this.#comebacks = new Comebacks(limits.max)
    this.#waiters = new Waiters(limits.max, (share) => this.#capOf(share))
  }

  get waiting(): number {
    return this.#waiters.size
  }

  get numIdle(): number {
    return this.#idle.size
  }

  /** Tenants that the scheduler remembers: they hold, wait for or have an idle connection. */
  get tenants(): number {
    return this.#shares.size
  }

  /** The idle connections, the one that has been idle longest first. */
  get idle(): Iterable<Member<C, W>> {
    return this.#idle
  }

  /** A connection has been opened: it is idle, and no tenant has used it. */
  add(connection: C): Member<C, W> {
    const member = new Member<C, W>(connection)
    this.#idle.add(member)
    return member
  }

  /** A connection is gone, whether it was idle or not. */
  remove(member: Member<C, W>): void {
    const { holder } = member
    if (holder === undefined) this.#takeOut(member)
    else this.#vacate(member, holder)
    if (holder) this.#forgetUnused(holder)
  }

  /**
   * A connection for a tenant at once; undefined if the tenant has to wait. With `takesAny` one in no tenant's
   * database suits as well as one in the tenant's.
   */
  take(database: string, now: number, takesAny = false): Member<C, W> | undefined {
    this.#now = now
    if (this.#idle.size === 0 || this.#waiters.size > 0) return undefined
    const share = this.#shareOf(database)
    this.#caps.note(database, now)
    if (share.inUse < this.#capOf(share)) return this.#give(share, takesAny)
    this.#forgetUnused(share)
    return undefined
  }

  /** True if so many acquires of a tenant wait that no more may. */
  isFull(database: string): boolean {
    const waiting = this.#shares.get(database)?.queue.length ?? 0
    return waiting >= this.#limits.maxWaitingPerTenant
  }

  /** How many connections a tenant may hold now. */
  limitOf(database: string, now: number): number {
    this.#now = now
    return this.#capOf(this.#shares.get(database) ?? new TenantShare(database))
  }

  waiters(): Waiter<C, W>[] {
    return this.#waiters.all()
  }

  /** An acquire begins to wait. */
  wait(database: string, item: W, now: number, takesAny = false): Waiter<C, W> {
    this.#now = now
    this.#caps.note(database, now)
    const waiter = new Waiter(item, this.#shareOf(database), ++this.#turns, takesAny)
    this.#waiters.add(waiter)
    return waiter
  }

  /** An acquire does not wait any more. */
  leave(waiter: Waiter<C, W>): void {
    if (!waiter.isWaiting) return
    this.#waiters.remove(waiter)
    this.#forgetUnused(waiter.share)
  }

  /** For an acquire that was given a connection at once, which may turn out to be of no use. */
  ticket(member: Member<C, W>, item: W, takesAny = false): Waiter<C, W> {
    return new Waiter(item, member.holder as TenantShare<C, W>, ++this.#turns, takesAny)
  }

  /** A waiter was given a connection that is of no use. It waits again, in its old place. */
  waitAgain(waiter: Waiter<C, W>): void {
    this.#waiters.add(waiter)
  }

  /** A connection has come back and is idle, in a database, or, if undefined, in an unknown one. */
  release(member: Member<C, W>, database: string | undefined, now: number): void {
    this.#now = now
    const { holder } = member
    if (holder === undefined) return
    this.#caps.note(holder.database, now)
    holder.onReturn(now)
    if (database !== undefined) member.home = this.#shareOf(database)
    this.#vacate(member, holder)
    this.#idle.add(member)
    this.#forgetUnused(holder)
  }

  /** Which waiter gets which connection next. Call it until it returns undefined. */
  next(now: number): Assignment<C, W> | undefined {
    this.#now = now
    if (this.#waiters.size === 0) return undefined
    const latest = this.#idle.latest
    if (latest === undefined) return undefined
    const waiter = this.#waiters.next(latest.home)
    if (waiter === undefined) return undefined
    this.#waiters.remove(waiter)
    return { waiter, member: this.#give(waiter.share, waiter.takesAny) as Member<C, W> }
  }

  /** The waiter whose turn it is; undefined if none of them may have a connection. */
  head(now: number): Waiter<C, W> | undefined {
    this.#now = now
    return this.#waiters.head()
  }

  /**
   * Why to open a connection. `waiter`: an acquire waits and nothing is idle. `widening`: a tenant has
   * just taken a connection over, and tenants come back. Call it until it returns undefined.
   *
   * @param connecting connections that are on their way
   */
  wantsConnection(connecting: number, now: number): ConnectReason | undefined {
    const isWiderWanted = this.#isWiderWanted && now >= this.#wideningFrom
    this.#isWiderWanted = false
    if (this.#idle.size + this.#inUse + connecting >= this.#limits.max) return undefined
    const isWaitedFor = this.#idle.size === 0 && connecting < this.#waiters.size
    if (isWaitedFor && this.head(now) !== undefined) return 'waiter'
    return isWiderWanted && connecting < MAX_WIDENING ? 'widening' : undefined
  }

  /** Until then, connections are opened only for those who wait. */
  pauseWidening(until: number): void {
    this.#wideningFrom = Math.max(this.#wideningFrom, until)
  }

  /** Takes the connection that suits a tenant best out of the idle ones. There must be one. */
  #give(share: TenantShare<C, W>, takesAny: boolean): Member<C, W> | undefined {
    const member = this.#idle.choose(share, takesAny)
    if (member === undefined) return undefined
    if (member.home !== undefined && member.home !== share) this.#onTakeOver(share, member.home)
    share.inUse++ // first, so that the share is not forgotten with its last idle connection
    this.#inUse++
    this.#takeOut(member)
    member.holder = share
    return member
  }

  /** More connections only help if tenants come back before theirs is gone. */
  #onTakeOver(winner: TenantShare<C, W>, loser: TenantShare<C, W>): void {
    this.#comebacks.onTakeOver(winner.database, loser.database)
    this.#isWiderWanted = this.#comebacks.share >= MIN_COMEBACKS
  }

  #takeOut(member: Member<C, W>): void {
    this.#idle.remove(member)
    const { home } = member
    member.home = undefined
    if (home) this.#forgetUnused(home)
  }

  #vacate(member: Member<C, W>, holder: TenantShare<C, W>): void {
    member.holder = undefined
    holder.inUse--
    this.#inUse--
  }

  #capOf(share: TenantShare<C, W>): number {
    return this.#caps.of(share, this.#inUse, this.#now)
  }

  #shareOf(database: string): TenantShare<C, W> {
    const known = this.#shares.get(database)
    if (known) return known
    const share = new TenantShare<C, W>(database)
    this.#shares.set(database, share)
    return share
  }

  #forgetUnused(share: TenantShare<C, W>): void {
    if (share.isUnused) this.#shares.delete(share.database)
  }
}
