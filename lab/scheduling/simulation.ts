import { Heap, type HeapItem } from './heap.ts'
import type { Given, Policy } from './policy.ts'
import type { Visit } from './traffic.ts'

/** How long a switch takes, in simulated milliseconds. */
const SWITCH_MILLIS = 0.2

/** The application's pause between two queries, in simulated milliseconds. */
const GAP_MILLIS = 0.3

/** How long connecting takes, in simulated milliseconds. */
const CONNECT_MILLIS = 5

/** One acquire, in simulated milliseconds. */
export interface Acquired {
  readonly database: string
  readonly at: number
  /** The wait for a connection that is in the tenant's database. */
  readonly delay: number
  /** The wait and the query. */
  readonly total: number
}

/** The result of a simulation. Everything is counted, nothing is measured. */
export interface Outcome {
  acquires: number
  switches: number
  /** All acquires, in the order of service. */
  readonly acquired: Acquired[]
  mostOpen: number
}

interface Event extends HeapItem {
  readonly at: number
  readonly fire: () => void
}

interface Query {
  readonly database: string
  readonly millis: number
  readonly askedAt: number
  readonly done: () => void
}

/** Simulated time that advances from event to event. Queries take the time that they are given. */
class Simulation {
  readonly outcome: Outcome = { acquires: 0, switches: 0, acquired: [], mostOpen: 0 }
  readonly #policy: Policy
  readonly #events = new Heap<Event>(({ at }) => at)
  readonly #queries = new Map<number, Query>()
  readonly #log: Given[] | undefined
  #now = 0
  #connecting = 0

  constructor(policy: Policy, log?: Given[]) {
    this.#policy = policy
    this.#log = log
  }

  run(): void {
    for (let event = this.#events.first; event; event = this.#events.first) {
      this.#events.remove(event)
      this.#now = event.at
      event.fire()
    }
  }

  visit(visit: Visit): void {
    this.#at(visit.at, () => this.#request(visit, 0))
  }

  #request(visit: Visit, index: number): void {
    const request = visit.requests[index]
    if (!request) return
    this.#at(this.#now + request.pause, () => {
      this.#query(visit.database, request.queries, 0, () => this.#request(visit, index + 1))
    })
  }

  #query(database: string, queries: readonly number[], index: number, done: () => void): void {
    const millis = queries[index]
    if (millis === undefined) {
      done()
      return
    }
    const id = this.outcome.acquires++
    const next = () => this.#query(database, queries, index + 1, done)
    this.#queries.set(id, { database, millis, askedAt: this.#now, done: next })
    this.#begin(this.#policy.acquire(id, database, this.#now))
  }

  #begin(given: readonly Given[]): void {
    for (const each of given) this.#run(each)
    for (; this.#connecting < this.#policy.connecting; this.#connecting++) {
      this.#at(this.#now + CONNECT_MILLIS, () => {
        this.#connecting--
        this.#begin(this.#policy.connected(this.#now))
      })
    }
    this.outcome.mostOpen = Math.max(this.outcome.mostOpen, this.#policy.open)
  }

  #run(given: Given): void {
    const { database, millis, askedAt, done } = this.#queries.get(given.id) as Query
    this.#queries.delete(given.id)
    this.#log?.push(given)
    if (given.isSwitch) this.outcome.switches++
    const switching = given.isSwitch ? SWITCH_MILLIS : 0
    const delay = this.#now - askedAt + switching
    this.outcome.acquired.push({ database, at: askedAt, delay, total: delay + millis })
    this.#at(this.#now + switching + millis, () => {
      this.#begin(this.#policy.release(given.connection, this.#now))
      this.#at(this.#now + GAP_MILLIS, done)
    })
  }

  #at(at: number, fire: () => void): void {
    this.#events.add({ at, fire, heapIndex: -1 })
  }
}

/** Simulates visits over a pool. */
export function simulate(policy: Policy, visits: readonly Visit[], log?: Given[]): Outcome {
  const simulation = new Simulation(policy, log)
  for (const visit of visits) simulation.visit(visit)
  simulation.run()
  return simulation.outcome
}

/** The mean of some numbers. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** The value that 99 of 100 numbers do not exceed. */
export function p99(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.floor(sorted.length * 0.99)] as number
}
