import { pick, pickWeighted, type Random, seededRandom } from '../../src/testing/random.ts'
import type { Given, Policy, PolicyLimits } from './policy.ts'

/** The events of a pool, and their relative frequencies. */
const EVENTS = {
  acquire: 8,
  release: 8,
  connected: 3,
  connectFailed: 0.3,
  leave: 0.7,
  close: 0.3,
  takeBack: 0.3,
  wait: 0.4,
}
type EventName = keyof typeof EVENTS

/** Limits and tenants of one course of events. They are small, so that every rule is used. */
export interface Setting extends PolicyLimits {
  readonly seed: number
  readonly tenants: number
  readonly steps: number
  /** How much more often connections are requested than released. */
  readonly pressure: number
}

/** Derives a setting from its number alone. */
export function settingOf(seed: number): Setting {
  const random = seededRandom(seed)
  const max = 1 + Math.floor(random() * 8)
  return {
    seed,
    max,
    tenants: 1 + Math.floor(random() * 6),
    maxPerTenant: 1 + Math.floor(random() * max),
    maxWaitingPerTenant: pick(random, [3, 6 * max, Number.POSITIVE_INFINITY]),
    steps: pick(random, [60, 400]),
    pressure: pick(random, [0.7, 1, 1.5, 4]),
  }
}

/** Chooses the events of a pool, step by step, and remembers their results. */
export class Course {
  readonly held = new Map<number, Given>()
  readonly databases = new Map<number, string>()
  readonly waiting: number[] = []
  readonly #closed = new Set<number>()
  now = 0
  readonly #policy: Policy
  readonly #random: Random
  readonly #setting: Setting
  readonly #seen = new Set<number>()
  #ids = 0
  #latest: Given | undefined

  constructor(policy: Policy, setting: Setting) {
    this.#policy = policy
    this.#random = seededRandom(setting.seed)
    this.#setting = setting
  }

  /** Performs one event, and returns the connections that it gave. */
  step(): readonly Given[] {
    const latest = this.#latest
    this.#latest = undefined
    const given = this.#perform(this.#event(latest), latest)
    for (const each of given) this.#give(each)
    this.#latest = given.at(-1)
    return given
  }

  /** No more requests come, and all holders release their connections, until there are no waiters. */
  finish(): void {
    for (let step = 0; step < 100_000; step++) {
      const { connecting, waiting } = this.#policy
      if (waiting === 0 && this.held.size === 0) return
      if (waiting > 0 && connecting > 0) this.#settle(this.#policy.connected(this.now))
      else if (this.held.size > 0) this.#settle(this.#release())
      else this.#settle(this.#pass(70_000))
    }
    throw new Error('an acquire waits for ever')
  }

  #settle(given: readonly Given[]): void {
    for (const each of given) this.#give(each)
  }

  #event(latest: Given | undefined): EventName {
    const { pressure } = this.#setting
    const can: Record<EventName, boolean> = {
      acquire: true,
      release: this.held.size > 0,
      connected: this.#policy.connecting > 0,
      connectFailed: this.#policy.connecting > 0,
      leave: this.waiting.length > 0,
      close: this.#policy.idle > 0,
      takeBack: latest !== undefined && this.held.has(latest.connection),
      wait: true,
    }
    const names = (Object.keys(EVENTS) as EventName[]).filter((name) => can[name])
    const weighted = names.map((name) => {
      return { name, weight: EVENTS[name] * (name === 'acquire' ? pressure : 1) }
    })
    return pickWeighted(this.#random, weighted).name
  }

  #perform(event: EventName, latest: Given | undefined): readonly Given[] {
    const policy = this.#policy
    switch (event) {
      case 'acquire':
        return this.#acquire()
      case 'release':
        return this.#release()
      case 'connected':
        return policy.connected(this.now)
      case 'connectFailed':
        return policy.connectFailed(this.now)
      case 'leave':
        return this.#leave()
      case 'close':
        return this.#close()
      case 'takeBack':
        return this.#takeBack(latest as Given)
      case 'wait':
        return this.#pass(pick(this.#random, [10, 1_000, 30_000, 70_000]))
    }
  }

  #acquire(): readonly Given[] {
    const id = ++this.#ids
    // Squared, so that some tenants come more often than others.
    const tenant = Math.floor(this.#random() ** 2 * this.#setting.tenants)
    this.databases.set(id, `t${tenant}`)
    const isRefused = this.#isFull(`t${tenant}`)
    if (!isRefused) this.waiting.push(id)
    return this.#policy.acquire(id, `t${tenant}`, this.now)
  }

  #isFull(database: string): boolean {
    const own = this.waiting.filter((id) => this.databases.get(id) === database)
    return own.length >= this.#setting.maxWaitingPerTenant
  }

  #release(): readonly Given[] {
    const connection = pick(this.#random, [...this.held.keys()])
    this.held.delete(connection)
    return this.#policy.release(connection, this.now, this.#random() < 0.1)
  }

  #leave(): readonly Given[] {
    const id = pick(this.#random, this.waiting)
    this.#forget(id)
    this.#policy.leave(id, this.now)
    return []
  }

  #close(): readonly Given[] {
    const idle = this.#idle()
    if (idle.length === 0) return []
    const connection = pick(this.#random, idle)
    this.#closed.add(connection)
    return this.#policy.close(connection, this.now)
  }

  #takeBack(given: Given): readonly Given[] {
    this.held.delete(given.connection)
    this.#closed.add(given.connection)
    this.waiting.push(given.id)
    this.waiting.sort((a, b) => a - b)
    return this.#policy.takeBack(given, this.now)
  }

  #pass(millis: number): readonly Given[] {
    this.now += millis
    return this.#policy.look(this.now)
  }

  /** Connections that have been given before, are open, and are not held. */
  #idle(): number[] {
    return [...this.#seen].filter((one) => !this.#closed.has(one) && !this.held.has(one))
  }

  #give(given: Given): void {
    if (this.held.has(given.connection)) throw new Error('a connection was handed out twice')
    if (this.#closed.has(given.connection)) throw new Error('a closed connection was handed out')
    if (!this.waiting.includes(given.id))
      throw new Error('an acquire that does not wait was served')
    this.#forget(given.id)
    this.#seen.add(given.connection)
    this.held.set(given.connection, given)
  }

  #forget(id: number): void {
    this.waiting.splice(this.waiting.indexOf(id), 1)
  }
}
