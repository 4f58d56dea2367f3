import { Scheduler } from '../../src/pool/scheduling/scheduler.ts'
import type { Member, Waiter } from '../../src/pool/scheduling/tenant-share.ts'
import type { Given, Policy, PolicyLimits } from './policy.ts'

interface Acquire {
  readonly id: number
  readonly database: string
}

/** Drives the scheduler as a pool would. Its connections are only numbers. */
export class Scheduled implements Policy {
  readonly scheduler: Scheduler<number, Acquire>
  connecting = 0
  #opened = 0
  readonly #members = new Map<number, Member<number, Acquire>>()
  readonly #databases = new Map<number, string>()
  readonly #waiters = new Map<number, Waiter<number, Acquire>>()
  readonly #held = new Map<number, Acquire>()

  constructor(limits: PolicyLimits) {
    this.scheduler = new Scheduler(limits)
  }

  get open(): number {
    return this.#members.size
  }

  get idle(): number {
    return this.scheduler.numIdle
  }

  get waiting(): number {
    return this.scheduler.waiting
  }

  acquire(id: number, database: string, now: number): Given[] {
    const member = this.scheduler.take(database, now)
    if (member) return [this.#give({ id, database }, member), ...this.look(now)]
    if (this.scheduler.isFull(database)) return []
    this.#waiters.set(id, this.scheduler.wait(database, { id, database }, now))
    return this.look(now)
  }

  release(connection: number, now: number, isLost = false): Given[] {
    this.#held.delete(connection)
    if (isLost) this.#databases.delete(connection)
    this.scheduler.release(this.#member(connection), this.#databases.get(connection), now)
    return this.look(now)
  }

  connected(now: number): Given[] {
    this.connecting--
    const connection = ++this.#opened
    this.#members.set(connection, this.scheduler.add(connection))
    return this.look(now)
  }

  connectFailed(now: number): Given[] {
    this.connecting--
    this.scheduler.pauseWidening(now + 5_000)
    return this.look(now)
  }

  leave(id: number): void {
    const waiter = this.#waiters.get(id)
    if (waiter) this.scheduler.leave(waiter)
    this.#waiters.delete(id)
  }

  close(connection: number, now: number): Given[] {
    this.scheduler.remove(this.#member(connection))
    this.#forget(connection)
    return this.look(now)
  }

  takeBack({ connection, id }: Given, now: number): Given[] {
    const member = this.#member(connection)
    const acquire = this.#held.get(connection) as Acquire
    const waiter = this.#waiters.get(id) ?? this.scheduler.ticket(member, acquire)
    this.#waiters.set(id, waiter)
    this.scheduler.waitAgain(waiter)
    this.scheduler.remove(member)
    this.#forget(connection)
    return this.look(now)
  }

  look(now: number): Given[] {
    const given: Given[] = []
    for (let next = this.scheduler.next(now); next; next = this.scheduler.next(now)) {
      given.push(this.#give(next.waiter.item, next.member))
    }
    while (this.scheduler.wantsConnection(this.connecting, now)) this.connecting++
    return given
  }

  #give(acquire: Acquire, member: Member<number, Acquire>): Given {
    const { connection } = member
    const isSwitch = this.#databases.get(connection) !== acquire.database
    this.#databases.set(connection, acquire.database)
    this.#held.set(connection, acquire)
    return { id: acquire.id, connection, isSwitch }
  }

  #member(connection: number): Member<number, Acquire> {
    return this.#members.get(connection) as Member<number, Acquire>
  }

  #forget(connection: number): void {
    this.#members.delete(connection)
    this.#databases.delete(connection)
    this.#held.delete(connection)
  }
}
