import { Pool } from 'tarn'
import type { Gate } from '../connection/gate.ts'
import { PendingAcquire } from './pending-acquire.ts'
import {
  type Assignment,
  type ConnectReason,
  Scheduler,
  type SchedulerLimits,
} from './scheduling/scheduler.ts'
import type { Slot, Waiter } from './scheduling/tenant-share.ts'

/** How long the pool is not widened after connecting has failed. */
const WIDENING_PAUSE_MILLIS = 5_000

type Resource = GatePool['free'][number]

/** A connection of the pool, and where it is in tarn's arrays: in `used` while it is held. */
interface Member {
  readonly slot: Slot<Gate, PendingAcquire>
  index: number
}

/**
 * tarn's pool with our choice of connection and of who is next. tarn opens connections, within its
 * time and again where that fails, reaps the idle ones and destroys all; the scheduler says who gets
 * which and when to open one. tarn's own queue stays empty. What is used of it is `protected` or
 * public, and typed; tarn 3.1.2, dist/Pool.js.
 */
export class GatePool extends Pool<Gate> {
  readonly #scheduler: Scheduler<Gate, PendingAcquire>
  readonly #members = new Map<Gate, Member>()
  /** Connections that are being asked whether they live. */
  #validating = 0
  /** Attempts to connect that nobody waited for when they began, by tarn's number for each. */
  readonly #widening = new Set<number>()
  #connectReason: ConnectReason = 'waiter'
  #connectError: { readonly error: unknown; readonly at: number } | undefined

  constructor(options: ConstructorParameters<typeof Pool<Gate>>[0], limits: SchedulerLimits) {
    super(options)
    this.#scheduler = new Scheduler(limits)
    this.on('createRequest', (id) => {
      if (this.#connectReason === 'widening') this.#widening.add(id)
    })
    this.on('createSuccess', (id, gate) => {
      this.#widening.delete(id)
      this.#members.set(gate, { slot: this.#scheduler.add(gate), index: this.free.length - 1 })
    })
    this.on('createFail', (id, error) => this.#onConnectFailed(id, error))
  }

  /**
   * A connection for whoever's database this is: at once, where one is idle that was in use lately,
   * or later. Undefined where too many wait for that database.
   */
  acquireFor(database: string): Gate | PendingAcquire | undefined {
    const now = performance.now()
    const slot = this.#scheduler.take(database, now)
    const found = slot ? this.#tryNow(slot) : this.#enqueue(database, now)
    this._tryAcquireOrCreate()
    return found
  }

  override release(gate: Gate): boolean {
    const member = this.#members.get(gate)
    if (member?.slot.holder === undefined) return false
    const resource = this.#takeOut(member)
    this.#put(this.free, member, resource.resolve())
    this.#scheduler.release(member.slot, gate.state.database, gate.usedAt)
    this._tryAcquireOrCreate()
    return true
  }

  /** Removes a connection at once, idle or not. */
  discard(gate: Gate): void {
    const member = this.#members.get(gate)
    if (member === undefined) return
    this.#destroyNow(member, () => this.#scheduler.remove(member.slot))
    this._tryAcquireOrCreate()
  }

  /** The same, unless somebody has been given it by now: removing others may have let them. */
  discardIdle(gate: Gate): void {
    if (this.#members.get(gate)?.slot.holder === undefined) this.discard(gate)
  }

  /**
   * Says what becomes of who is next when connecting has failed: they are told, or they wait on for
   * another connection to come back while connecting is tried again.
   */
  tellConnectErrors(isTold: boolean): void {
    this.propagateCreateError = isTold
  }

  /** How many connections the tenant of a database may hold now. */
  limitOf(database: string): number {
    return this.#scheduler.limitOf(database, performance.now())
  }

  /** A number for something that is to be told to listeners; tarn numbers what it tells in one row. */
  nextEventId(): number {
    return this.eventId++
  }

  /** From now on connections are opened only for those who wait. */
  stopWidening(): void {
    this.#scheduler.pauseWidening(Number.POSITIVE_INFINITY)
  }

  /** Connections open. */
  get size(): number {
    return this.used.length + this.free.length
  }

  /** Every connection of the pool; the idle ones in the order in which they became idle. */
  gates(): { idle: Gate[]; used: Gate[] } {
    return {
      idle: this.free.map(({ resource }) => resource).sort((a, b) => this.#compare(a, b)),
      used: this.used.map(({ resource }) => resource),
    }
  }

  override numPendingAcquires(): number {
    return this.#scheduler.waiting
  }

  override numPendingValidations(): number {
    return this.#validating
  }

  /** tarn calls this whenever something may have changed: gives out what is idle, and connects. */
  override _tryAcquireOrCreate(): void {
    if (this.destroyed) return
    const now = performance.now()
    for (let next = this.#scheduler.next(now); next; next = this.#scheduler.next(now)) {
      this.#assign(next)
    }
    for (let why = this.#whyConnect(now); why; why = this.#whyConnect(now)) {
      this.#connectReason = why
      this._doCreate()
    }
  }

  /** tarn's timer: closes what has been idle too long, the oldest first. */
  override check(): void {
    this.free.sort((a, b) => this.#compare(a.resource, b.resource))
    const before = this.free
    super.check()
    this.free.forEach(({ resource }, index) => {
      ;(this.#members.get(resource) as Member).index = index
    })
    const kept = new Set(this.free)
    for (const one of before) if (!kept.has(one)) this.#forget(one.resource)
    this._tryAcquireOrCreate() // a tenant may be alone by now, and have more than before
  }

  override destroy(): ReturnType<Pool<Gate>['destroy']> {
    const done = super.destroy()
    for (const waiter of this.#scheduler.waiters()) {
      this.#scheduler.leave(waiter)
      waiter.item.reject(abortedError())
    }
    return done
  }

  /** Someone is given an idle connection at once, if it need not be asked whether it lives. */
  #tryNow(slot: Slot<Gate, PendingAcquire>): Gate | PendingAcquire {
    const isAlive = this.#use(slot)
    if (isAlive === true) return slot.connection
    const pending = this.#newPending()
    pending.waiter = this.#scheduler.ticket(slot, pending)
    this.#validate({ slot, waiter: pending.waiter }, isAlive)
    return pending
  }

  #enqueue(database: string, now: number): PendingAcquire | undefined {
    if (this.#scheduler.isFull(database)) return undefined
    const pending = this.#newPending()
    pending.waiter = this.#scheduler.wait(database, pending, now)
    return pending
  }

  #newPending(): PendingAcquire {
    return new PendingAcquire(this.acquireTimeoutMillis, (pending) => {
      if (pending.waiter) this.#scheduler.leave(pending.waiter)
      const failure = this.#connectError
      if (failure && failure.at >= pending.startedAt) pending.possibleTimeoutCause = failure.error
    })
  }

  #assign(assignment: Assignment<Gate, PendingAcquire>): void {
    this.#validate(assignment, this.#use(assignment.slot))
  }

  /** Moves a connection to those that are used, and asks whether it lives. */
  #use(slot: Slot<Gate, PendingAcquire>): boolean | Promise<boolean> {
    const member = this.#members.get(slot.connection) as Member
    this.#put(this.used, member, this.#remove(this.free, member))
    this._startReaping()
    return this.validate(slot.connection) as boolean | Promise<boolean>
  }

  #validate(
    assignment: Assignment<Gate, PendingAcquire>,
    isAlive: boolean | Promise<boolean>,
  ): void {
    if (typeof isAlive === 'boolean') this.#deliver(assignment, isAlive)
    else void this.#await(assignment, isAlive)
  }

  async #await(
    assignment: Assignment<Gate, PendingAcquire>,
    isAlive: Promise<boolean>,
  ): Promise<void> {
    this.#validating++
    const answer = await isAlive.catch(() => false)
    this.#validating--
    this.#deliver(assignment, answer)
    this._tryAcquireOrCreate()
  }

  #deliver({ slot, waiter }: Assignment<Gate, PendingAcquire>, isAlive: boolean): void {
    const pending = waiter.item
    if (this.destroyed && !pending.isSettled) pending.reject(abortedError())
    const isWanted = !pending.isSettled
    if (!isAlive) this.#replace(slot, isWanted ? waiter : undefined)
    else if (isWanted) pending.resolve(slot.connection)
    else this.release(slot.connection)
  }

  /** A connection turns out to be dead: whoever was to have it waits again. */
  #replace(slot: Slot<Gate, PendingAcquire>, waiter: Waiter<Gate, PendingAcquire> | undefined) {
    const member = this.#members.get(slot.connection) as Member
    this.#destroyNow(member, () => {
      if (waiter) this.#scheduler.takeBack(waiter, slot)
      else this.#scheduler.remove(slot)
    })
  }

  #whyConnect(now: number): ConnectReason | undefined {
    return this.#scheduler.wantsConnection(this.numPendingCreates(), now)
  }

  /** Nobody is told where nobody asked: those who have come to wait since get an attempt of their own. */
  #onConnectFailed(id: number, error: unknown): void {
    const now = performance.now()
    this.#connectError = { error, at: now }
    this.#scheduler.pauseWidening(now + WIDENING_PAUSE_MILLIS)
    if (this.#widening.delete(id)) this._tryAcquireOrCreate()
    else if (this.propagateCreateError) this.#tellNext(error, now)
  }

  #tellNext(error: unknown, now: number): void {
    if (this.destroyed) return
    const head = this.#scheduler.head(now)
    if (head === undefined) return
    this.#scheduler.leave(head)
    head.item.reject(error)
  }

  #destroyNow(member: Member, schedule: () => void): void {
    const gate = member.slot.connection
    this.#takeOut(member).settle()
    this.#members.delete(gate)
    schedule()
    void this._destroy(gate)
  }

  #forget(gate: Gate): void {
    const member = this.#members.get(gate)
    this.#members.delete(gate)
    if (member) this.#scheduler.remove(member.slot)
  }

  #compare(a: Gate, b: Gate): number {
    const idleSince = (gate: Gate): number => this.#members.get(gate)?.slot.idleSince ?? 0
    return idleSince(a) - idleSince(b)
  }

  #takeOut(member: Member): Resource {
    return this.#remove(member.slot.holder ? this.used : this.free, member)
  }

  #put(list: Resource[], member: Member, resource: Resource): void {
    member.index = list.length
    list.push(resource)
  }

  /** The last one takes the place of the one that is removed: nothing is searched. */
  #remove(list: Resource[], member: Member): Resource {
    const resource = list[member.index] as Resource
    const last = list.pop() as Resource
    if (last === resource) return resource
    list[member.index] = last
    ;(this.#members.get(last.resource) as Member).index = member.index
    return resource
  }
}

/** As tarn's, for those who wait while the pool is destroyed. */
function abortedError(): Error {
  return new Error('aborted')
}
