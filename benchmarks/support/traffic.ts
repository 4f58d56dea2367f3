import type { Random } from '../../src/testing/random.ts'

/** A client's request to one tenant. Afterwards it may use another tenant. */
export interface Request {
  /** The tenant's number. */
  readonly tenant: number
  /** How many statements it has, one after the other. */
  readonly queries: number
  /** The share of statements that are raw SQL instead of the query builder's. */
  readonly raw: number
  /** True if the statements are one transaction. */
  readonly isTransaction: boolean
}

/** Returns a client's next request, after the answers of the last one. */
export type NextRequest = () => Request

/**
 * How tenants are chosen. `uniform`: all are equally frequent. `zipf`: the n-th most popular tenant is n
 * times less frequent than the first, and each request is drawn anew. `visits`: as `zipf`, but a drawn tenant
 * gets 3 to 10 requests with several statements each, mixed with other visits.
 */
export type Popularity = 'uniform' | 'zipf' | 'visits'

/** The traffic of a benchmark's cell. */
export interface Traffic {
  readonly tenants: number
  readonly popularity: Popularity
  readonly queriesPerRequest: number
  /** The share of statements that are raw SQL: none if it is missing. */
  readonly raw?: number
  /** True if each request is a transaction. */
  readonly isTransaction?: boolean
}

/**
 * Enough visits for 6 requests of 3 ms at a time on average, with pauses of 20 ms between them. The next
 * request comes from any visit with the same probability, as with exponential pauses. So the machine's speed
 * does not matter.
 */
const VISITS = { shortest: 3, longest: 10, underWay: 46 }

/** Makes the clients of some traffic. Each client uses its own random numbers. */
export function clients(traffic: Traffic): (random: Random) => NextRequest {
  const {
    tenants,
    popularity,
    queriesPerRequest: queries,
    raw = 0,
    isTransaction = false,
  } = traffic
  const choose = popularity === 'uniform' ? uniform(tenants) : zipf(tenants)
  const kind = { queries, raw, isTransaction }
  if (popularity === 'visits') return visitors(choose, kind)
  return (random) => () => ({ tenant: choose(random), ...kind })
}

/** A request without its tenant. */
type Kind = Omit<Request, 'tenant'>

type Choose = (random: Random) => number

function uniform(count: number): Choose {
  return (random) => Math.floor(random() * count)
}

/** Weights are 1, 1/2, 1/3 and so on. */
function zipf(count: number): Choose {
  const sums = new Float64Array(count)
  let sum = 0
  for (let rank = 0; rank < count; rank++) {
    sum += 1 / (rank + 1)
    sums[rank] = sum
  }
  return (random) => firstAbove(sums, random() * sum)
}

function firstAbove(sorted: Float64Array, value: number): number {
  let [low, high] = [0, sorted.length - 1]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle] as number) > value) high = middle
    else low = middle + 1
  }
  return low
}

/** A tenant, and how many requests are still to come. */
interface Visit {
  readonly tenant: number
  left: number
}

/** Clients that serve visits. They share the visits that pause. */
function visitors(choose: Choose, kind: Kind): (random: Random) => NextRequest {
  const pausing: Visit[] = []
  return (random) => {
    let served: Visit | undefined
    return () => {
      if (served && served.left > 0) pausing.push(served)
      while (pausing.length < VISITS.underWay) pausing.push(newVisit(random, choose))
      served = takeAny(random, pausing)
      served.left--
      return { ...kind, tenant: served.tenant, queries: between(random, 1, kind.queries) }
    }
  }
}

function newVisit(random: Random, choose: Choose): Visit {
  return { tenant: choose(random), left: between(random, VISITS.shortest, VISITS.longest) }
}

function takeAny(random: Random, visits: Visit[]): Visit {
  const index = Math.floor(random() * visits.length)
  const taken = visits[index] as Visit
  visits[index] = visits.at(-1) as Visit
  visits.pop()
  return taken
}

function between(random: Random, lowest: number, highest: number): number {
  return lowest + Math.floor(random() * (highest - lowest + 1))
}
