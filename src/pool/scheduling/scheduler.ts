import { Comebacks } from './comebacks.ts'
import { IdleConnections } from './idle-connections.ts'
import { Presence } from './presence.ts'
import { Member, TenantShare, Waiter } from './tenant-share.ts'
import { Waiters } from './waiters.ts'

/**
 * Which part of the pool a tenant may hold before any of its connections has come back: one that is
 * stuck on a lock takes no more.
 */
const FIRST_PART = 1 / 3

/** How many connections may be on their way before anyone has to wait for them. */
const MAX_WIDENING = 2

/**
 * Which part of take-overs must be by tenants that have lost a connection lately, for one more to be
 * worth its while. Where each request is of a tenant drawn anew from 1,000, a pool of 50 switches a third
 * less often than one of 16 and does no more: its connections take turns, and each finds the server's
 * processor busy with others (benchmarks/README.md, "What does each piece buy?").
 */
const MIN_COMEBACKS = 1 / 2

/** What a scheduler must keep to. */
export interface SchedulerLimits {
  /** Connections at most. */
  readonly max: number
  /** Connections that one tenant holds at most while others use the pool. */
  readonly maxPerTenant: number
  /** Acquires of one tenant that wait at most. */
  readonly maxWaitingPerTenant: number
}

/** Why to connect: somebody waits, or the next one who comes need not take another's connection. */
export type ConnectReason = 'waiter' | 'widening'

/** Who gets which connection. */
export interface Assignment<C, W> {
  readonly waiter: Waiter<C, W>
  readonly member: Member<C, W>
}

/**
 * Decides which idle connection a tenant gets, who of those who wait is next, and when to connect.
 * It does nothing itself: no I/O, no clock, no chance. What becomes of the connections is told to it,
 * and the time with it. It only saves switches and keeps tenants from each other's way; a bad choice
 * is slow, not wrong.
 *
 * No call looks at all connections or at all who wait.
 *
 * @typeParam C what is scheduled: connections
 * @typeParam W what waits for them
 */
export class Scheduler<C, W> {
  readonly #limits: SchedulerLimits
  readonly #shares = new Map<string, TenantShare<C, W>>()
  readonly #idle = new IdleConnections<C, W>()
  readonly #waiters: Waiters<C, W>
  readonly #presence = new Presence()
  readonly #comebacks: Comebacks
  /** What a tenant may hold in any case. */
  readonly #firstCap: number
  #now = Number.NEGATIVE_INFINITY
  #inUse = 0
  #turns = 0
  #isWiderWanted = false
  #wideningFrom = Number.NEGATIVE_INFINITY

  constructor(limits: SchedulerLimits) {
    this.#limits = limits
    this.#comebacks = new Comebacks(limits.max)
    const { max, maxPerTenant } = limits
    const firstPart = Math.max(2, Math.ceil(max * FIRST_PART))
    this.#firstCap = maxPerTenant >= max ? max : Math.min(maxPerTenant, firstPart)
    this.#waiters = new Waiters(max, this.#firstCap, (share) => this.#capOf(share))
  }

  /** Acquires that wait. */
  get waiting(): number {
    return this.#waiters.size
  }

  get numIdle(): number {
    return this.#idle.size
  }

  /** Tenants of which anything is known: those that hold, wait for or have an idle connection. */
  get tenants(): number {
    return this.#shares.size
  }

  /** The idle connections, the one that has been idle longest first. */
  get idle(): Iterable<Member<C, W>> {
    return this.#idle
  }

  /** A connection has been opened: it is idle, and nobody has used it. */
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

  /** A connection for a tenant at once; undefined where it must wait, for others or for a connection. */
  take(database: string, now: number): Member<C, W> | undefined {
    this.#now = now
    if (this.#idle.size === 0 || this.#waiters.size > 0) return undefined
    const share = this.#shareOf(database)
    this.#presence.note(database, now)
    if (share.inUse < this.#capOf(share)) return this.#give(share)
    this.#forgetUnused(share)
    return undefined
  }

  /** Whether so many of a tenant wait that no more may. */
  isFull(database: string): boolean {
    const waiting = this.#shares.get(database)?.queue.size ?? 0
    return waiting >= this.#limits.maxWaitingPerTenant
  }

  /** How many connections a tenant may hold now. */
  limitOf(database: string, now: number): number {
    this.#now = now
    return this.#capOf(this.#shares.get(database) ?? new TenantShare(database))
  }

  /** Everyone who waits, in no order. */
  *waiters(): Generator<Waiter<C, W>, void> {
    for (const { queue } of [...this.#shares.values()]) yield* [...queue]
  }

  /** Someone begins to wait. */
  wait(database: string, item: W, now: number): Waiter<C, W> {
    this.#now = now
    this.#presence.note(database, now)
    const waiter = new Waiter(item, this.#shareOf(database), ++this.#turns)
    this.#waiters.add(waiter)
    return waiter
  }

  /** Someone does not wait any more. */
  leave(waiter: Waiter<C, W>): void {
    if (!waiter.isWaiting) return
    this.#waiters.remove(waiter)
    this.#forgetUnused(waiter.share)
  }

  /** For someone who was given a connection at once, which may yet turn out to be of no use. */
  ticket(member: Member<C, W>, item: W): Waiter<C, W> {
    return new Waiter(item, member.holder as TenantShare<C, W>, ++this.#turns)
  }

  /** A waiter was given a connection that is of no use. It waits again, in its old place. */
  waitAgain(waiter: Waiter<C, W>): void {
    this.#waiters.add(waiter)
  }

  /** A connection has come back and is idle, in a database or, where undefined, who knows where. */
  release(member: Member<C, W>, database: string | undefined, now: number): void {
    this.#now = now
    const { holder } = member
    if (holder === undefined) return
    this.#presence.note(holder.database, now)
    holder.onReturn(now)
    if (database !== undefined) member.home = this.#shareOf(database)
    this.#vacate(member, holder)
    this.#idle.add(member)
    this.#forgetUnused(holder)
  }

  /** Who is to get which connection next; undefined where nobody can. To be asked until it says so. */
  next(now: number): Assignment<C, W> | undefined {
    this.#now = now
    if (this.#waiters.size === 0) return undefined
    const latest = this.#idle.latest
    if (latest === undefined) return undefined
    const waiter = this.#waiters.next(latest.home)
    if (waiter === undefined) return undefined
    this.#waiters.remove(waiter)
    return { waiter, member: this.#give(waiter.share) as Member<C, W> }
  }

  /** Whose turn it is; undefined where nobody waits who may have a connection. */
  head(now: number): Waiter<C, W> | undefined {
    this.#now = now
    return this.#waiters.head()
  }

  /**
   * Why to connect: because somebody waits and nothing is idle, or in the background because a tenant
   * has just got a connection that was another's, and tenants come back. To be asked until it says
   * undefined.
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

  /** Takes the connection that suits a tenant best out of the idle ones, of which there must be one. */
  #give(share: TenantShare<C, W>): Member<C, W> | undefined {
    const member = this.#idle.choose(share)
    if (member === undefined) return undefined
    if (member.home !== undefined && member.home !== share) this.#onTakeOver(share, member.home)
    share.inUse++ // first, so that the share is not forgotten with its last idle connection
    this.#inUse++
    this.#takeOut(member)
    member.holder = share
    this.#waiters.update(share)
    return member
  }

  /** More connections only help where tenants come back before theirs is gone. */
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
    this.#waiters.update(holder)
  }

  /**
   * A part of the pool at first, and one more for each connection that comes back. Where nobody else
   * uses the pool, all of it is one tenant's.
   */
  #capOf(share: TenantShare<C, W>): number {
    if (share.inUse < this.#firstCap) return this.#firstCap
    const { max, maxPerTenant } = this.#limits
    const isShared =
      this.#inUse > share.inUse || this.#presence.hasOthers(share.database, this.#now)
    if (!isShared || maxPerTenant >= max) return max
    return Math.min(maxPerTenant, this.#firstCap + share.returnsBy(this.#now))
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
