import type { ServerConnection } from '../connection/server-connection.ts'
import type { PoolOptions } from '../options/pool.ts'
import type { Place } from '../tenants/place.ts'
import { AcquireTimeoutError, numbersOf } from './acquire-timeout.ts'
import type { Closer } from './closer.ts'
import { Health } from './health.ts'
import { Opener } from './opener.ts'
import { PendingAcquire } from './pending-acquire.ts'
import { destroyedError, isServerFull, openErrorFor } from './pool-errors.ts'
import type { PoolEvents } from './pool-view.ts'
import { Reaper } from './reaper.ts'
import { type Assignment, type ConnectReason, Scheduler } from './scheduling/scheduler.ts'
import type { Member } from './scheduling/tenant-share.ts'

type PoolMember = Member<ServerConnection, PendingAcquire>
type Handout = Assignment<ServerConnection, PendingAcquire>

/** How long no connection is opened before it is waited for, after opening one has failed. */
const WIDENING_PAUSE_MILLIS = 5_000

/**
 * The connections of a pool, and those who wait for one. It does what the scheduler says: gives idle
 * connections out, and opens new ones.
 */
export class Lending {
  readonly #options: Required<PoolOptions>
  readonly #closer: Closer
  readonly #events: PoolEvents
  readonly #scheduler: Scheduler<ServerConnection, PendingAcquire>
  readonly #members = new Map<ServerConnection, PoolMember>()
  readonly #opener: Opener<ServerConnection>
  readonly #reaper: Reaper<ServerConnection>
  readonly #health = new Health(this)
  #openFailure: { readonly error: unknown; readonly at: number } | undefined
  #isClosed = false
  #onUnused: () => void = () => undefined

  /** @param open opens one connection, within a time limit of its own */
  constructor(
    options: Required<PoolOptions>,
    open: () => Promise<ServerConnection>,
    closer: Closer,
    events: PoolEvents,
  ) {
    this.#options = options
    this.#closer = closer
    this.#events = events
    this.#scheduler = new Scheduler(options)
    this.#opener = new Opener(open, options.createRetryIntervalMillis, this, events)
    this.#reaper = new Reaper(options, this, events)
  }

  /** Connections open, idle or used. */
  get size(): number {
    return this.#members.size
  }

  /** Acquires that wait for a connection. */
  get waiting(): number {
    return this.#scheduler.waiting
  }

  /** Connections that are on their way. */
  get opening(): number {
    return this.#opener.pending
  }

  /** Connections that are being probed. */
  get probing(): number {
    return this.#health.probing
  }

  get numIdle(): number {
    return this.#scheduler.numIdle
  }

  /** Connections that are held, probed, or on their way back. */
  get numUsed(): number {
    return this.size - this.numIdle
  }

  /** The idle connections, the one that has been idle longest first. */
  idle(): ServerConnection[] {
    return Array.from(this.#scheduler.idle, ({ connection }) => connection)
  }

  /** The connections that are held, probed, or on their way back. */
  used(): ServerConnection[] {
    const members = [...this.#members.values()]
    return members.flatMap(({ holder, connection }) => (holder ? connection : []))
  }

  /**
   * A connection for a place: at once if one is idle that needs no probe, or later. Undefined if too
   * many acquires of the same database wait.
   *
   * @param takesAny true if a connection in no tenant's database suits as well as one in the place's
   */
  acquire(place: Place, takesAny: boolean): ServerConnection | PendingAcquire | undefined {
    const now = performance.now()
    const member = this.#scheduler.take(place.database, now, takesAny)
    const found = member ? this.#give(member, place, takesAny) : this.#enqueue(place, now, takesAny)
    this.look()
    return found
  }

  /** An opened connection is idle. */
  add(connection: ServerConnection): void {
    this.#members.set(connection, this.#scheduler.add(connection))
  }

  /** A used connection is idle again. */
  putBack(connection: ServerConnection): void {
    const member = this.#members.get(connection)
    if (member) this.#scheduler.release(member, connection.state.home, connection.usedAt)
    this.look()
  }

  /** Takes connections out of the pool and closes them. It gives out none of them meanwhile. */
  drop(connections: readonly ServerConnection[]): void {
    for (const connection of connections) this.#remove(connection)
    this.look()
  }

  /** From now on connections are opened only for those who wait. */
  stopWidening(): void {
    this.#scheduler.pauseWidening(Number.POSITIVE_INFINITY)
  }

  /** Rejects those who wait, waits until no connection is used, and closes all. */
  async close(): Promise<void> {
    const id = this.#events.nextId()
    this.#events.tell('poolDestroyRequest', id)
    this.#isClosed = true
    this.#reaper.stop()
    for (const waiter of this.#scheduler.waiters()) {
      this.#scheduler.leave(waiter)
      waiter.item.reject(destroyedError(waiter.item.place))
    }
    await this.#opener.stop()
    await new Promise<void>((resolve) => {
      this.#onUnused = resolve
      this.look()
    })
    this.drop(this.idle())
    await this.#closer.settled()
    this.#events.tell('poolDestroySuccess', id)
  }

  /** Something may have changed: gives out what is idle, and opens what is missing. */
  look(): void {
    if (this.#isClosed) {
      if (this.numUsed === 0) this.#onUnused()
      return
    }
    const now = performance.now()
    if (this.size > 0) this.#reaper.start()
    for (let next = this.#scheduler.next(now); next; next = this.#scheduler.next(now)) {
      this.#check(next, this.#health.isAlive(next.member.connection))
    }
    for (let reason = this.#whyOpen(now); reason; reason = this.#whyOpen(now)) {
      this.#opener.open(reason)
    }
  }

  /**
   * Tells the next waiter, with two exceptions. If the connection was opened for no one, no one is
   * told, and the waiters get an attempt of their own. If the server has too many connections, they
   * wait for another one to come back.
   */
  onOpenFailed(error: unknown, reason: ConnectReason): void {
    const now = performance.now()
    this.#openFailure = { error, at: now }
    this.#scheduler.pauseWidening(now + WIDENING_PAUSE_MILLIS)
    if (reason === 'widening') this.look()
    else if (this.size === 0 || !isServerFull(error)) this.#rejectNext(error, now)
  }

  #give(member: PoolMember, place: Place, takesAny: boolean): ServerConnection | PendingAcquire {
    const answer = this.#health.isAlive(member.connection)
    if (answer === true) return member.connection
    const pending = this.#newPending(place)
    pending.waiter = this.#scheduler.ticket(member, pending, takesAny)
    this.#check({ member, waiter: pending.waiter }, answer)
    return pending
  }

  #enqueue(place: Place, now: number, takesAny: boolean): PendingAcquire | undefined {
    if (this.#scheduler.isFull(place.database)) return undefined
    const pending = this.#newPending(place)
    pending.waiter = this.#scheduler.wait(place.database, pending, now, takesAny)
    return pending
  }

  #newPending(place: Place): PendingAcquire {
    const { acquireTimeoutMillis } = this.#options
    return new PendingAcquire(place, acquireTimeoutMillis, (pending) => this.#onTimeout(pending))
  }

  #onTimeout(pending: PendingAcquire): void {
    if (pending.waiter) this.#scheduler.leave(pending.waiter)
    const { place, startedAt } = pending
    const { max, acquireTimeoutMillis } = this.#options
    const limit = this.#scheduler.limitOf(place.database, performance.now())
    const numbers = numbersOf(place, this, { max, limit })
    const failure = this.#openFailure
    const cause = failure && failure.at >= startedAt ? failure.error : undefined
    pending.reject(new AcquireTimeoutError(place, numbers, acquireTimeoutMillis, cause))
  }

  #check(assignment: Handout, answer: boolean | Promise<boolean>): void {
    if (typeof answer === 'boolean') this.#deliver(assignment, answer)
    else void answer.then((isAlive) => this.#deliver(assignment, isAlive)).then(() => this.look())
  }

  /** A waiter gets a connection that is alive. If the connection is dead, the waiter waits again. */
  #deliver({ member, waiter }: Handout, isAlive: boolean): void {
    const { connection } = member
    const pending = waiter.item
    if (this.#isClosed && !pending.isSettled) pending.reject(destroyedError(pending.place))
    const isWanted = !pending.isSettled
    if (isAlive && isWanted) pending.resolve(connection)
    else if (isAlive) this.putBack(connection)
    else {
      if (isWanted) this.#scheduler.waitAgain(waiter)
      this.#remove(connection)
    }
  }

  /** The server still counts a connection that is being closed, so its place is free only after that. */
  #whyOpen(now: number): ConnectReason | undefined {
    const reason = this.#scheduler.wantsConnection(this.opening, now)
    return this.size + this.opening + this.#closer.pending < this.#options.max ? reason : undefined
  }

  #rejectNext(error: unknown, now: number): void {
    const next = this.#isClosed ? undefined : this.#scheduler.head(now)
    if (next === undefined) return
    this.#scheduler.leave(next)
    next.item.reject(openErrorFor(next.item.place, error))
  }

  #remove(connection: ServerConnection): void {
    const member = this.#members.get(connection)
    if (member === undefined) return
    this.#members.delete(connection)
    this.#scheduler.remove(member)
    void this.#closer.close(connection).then(() => this.look())
  }
}
