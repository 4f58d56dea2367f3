import { pick, type Random, seededRandom, seedOf } from '../../src/testing/random.ts'

/** One tenant's visit to an application: requests with pauses between them, and queries one after another. */
export interface Visit {
  readonly at: number
  readonly database: string
  /** The time of each query, by request, and the pause before each request, in milliseconds. */
  readonly requests: readonly { readonly pause: number; readonly queries: readonly number[] }[]
}

/** The parameters of traffic. */
export interface Traffic {
  readonly seed: number
  readonly tenants: number
  /** Zipf's exponent; 0 makes all tenants alike. */
  readonly skew: number
  /** Visits in each millisecond. */
  readonly rate: number
  readonly visits: number
  /** The average time of a query, in milliseconds. @defaultValue 1 */
  readonly queryMillis?: number
  /** True for a single query in each visit. @defaultValue false */
  readonly isSingle?: boolean
  /** Prefix of the tenants' names. @defaultValue 't' */
  readonly name?: string
}

/** The average number of queries in a visit. */
export const QUERIES_PER_VISIT: number = 6.5 * 3

/** Visits of users that come at random, like the traffic of applications with logged-in users. */
export function visits(traffic: Traffic): Visit[] {
  const random = seededRandom(traffic.seed)
  const tenantOf = zipf(traffic.tenants, traffic.skew)
  let at = 0
  return Array.from({ length: traffic.visits }, (_, index) => {
    at += exponential(random, 1 / traffic.rate)
    const database = `${traffic.name ?? 't'}${tenantOf(random())}`
    return visit(at, database, seededRandom(seedOf(traffic.seed, index)), traffic)
  })
}

function visit(at: number, database: string, random: Random, traffic: Traffic): Visit {
  const { isSingle = false, queryMillis = 1 } = traffic
  const query = () => exponential(random, queryMillis)
  const request = (_: unknown, index: number) => ({
    pause: index === 0 ? 0 : exponential(random, 20),
    queries: Array.from({ length: isSingle ? 1 : pick(random, [1, 2, 3, 4, 5]) }, query),
  })
  const length = isSingle ? 1 : 3 + Math.floor(random() * 8)
  return { at, database, requests: Array.from({ length }, request) }
}

function exponential(random: Random, mean: number): number {
  return -Math.log(1 - random()) * mean
}

/** Chooses one of this many tenants, from a number in [0, 1). */
function zipf(tenants: number, skew: number): (at: number) => number {
  const sums: number[] = []
  let sum = 0
  for (let rank = 1; rank <= tenants; rank++) {
    sum += rank ** -skew
    sums.push(sum)
  }
  return (at) => {
    let low = 0
    for (let high = tenants - 1; low < high; ) {
      const middle = (low + high) >> 1
      if ((sums[middle] as number) <= at * sum) low = middle + 1
      else high = middle
    }
    return low
  }
}
