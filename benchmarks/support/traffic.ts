import type { Random } from '../../src/testing/random.ts'

/** What a client asks of one tenant before it may turn to another. */
export interface Request {
  /** The tenant's number. */
  readonly tenant: number
  /** Statements, one after the other. */
  readonly queries: number
  /** How long the client is still afterwards, in milliseconds. */
  readonly pauseMillis: number
}

/** Gives a client its next request. */
export type NextRequest = () => Request

/**
 * Which tenants are asked for. `uniform`: each as often. `zipf`: the n-th most popular one n times
 * less often than the first; each request is drawn anew. `visits`: as `zipf`, but a client stays with
 * a tenant for 3 to 10 requests of up to so many queries, with pauses of 20 ms on average between.
 */
export type Popularity = 'uniform' | 'zipf' | 'visits'

/** The traffic of a benchmark's cell. */
export interface Traffic {
  readonly tenants: number
  readonly popularity: Popularity
  readonly queriesPerRequest: number
}

const VISIT = { shortest: 3, longest: 10, meanPauseMillis: 20 }

/** Makes the clients of some traffic; each draws from the numbers that it is given. */
export function clients({
  tenants,
  popularity,
  queriesPerRequest,
}: Traffic): (random: Random) => NextRequest {
  const choose = popularity === 'uniform' ? uniform(tenants) : zipf(tenants)
  if (popularity === 'visits') return (random) => visits(random, choose, queriesPerRequest)
  return (random) => () => ({
    tenant: choose(random),
    queries: queriesPerRequest,
    pauseMillis: 0,
  })
}

type Choose = (random: Random) => number

function uniform(count: number): Choose {
  return (random) => Math.floor(random() * count)
}

/** By the sums of 1, 1/2, 1/3 and so on. */
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

function visits(random: Random, choose: Choose, mostQueries: number): NextRequest {
  let tenant = 0
  let left = 0
  return () => {
    if (left === 0) {
      tenant = choose(random)
      left = between(random, VISIT.shortest, VISIT.longest)
    }
    left--
    const pauseMillis = -Math.log(1 - random()) * VISIT.meanPauseMillis
    return { tenant, queries: between(random, 1, mostQueries), pauseMillis }
  }
}

function between(random: Random, lowest: number, highest: number): number {
  return lowest + Math.floor(random() * (highest - lowest + 1))
}
