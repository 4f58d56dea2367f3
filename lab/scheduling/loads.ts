import type { PolicyLimits } from './policy.ts'
import type { ReferenceRules } from './reference.ts'
import { QUERIES_PER_VISIT, type Traffic, type Visit, visits } from './traffic.ts'

/** The rules of plain Knex's pool: it gives the connection that was released last, to any caller. */
export const TARN: ReferenceRules = {
  affinity: false,
  victim: 'latest',
  bypasses: 0,
  backlogs: false,
  widening: 'never',
}

/** The time before results count, in simulated milliseconds: pools open, backlogs build up. */
export const WARM_UP = 1_000

/** The scheduler's default limits for a pool. */
export function limitsOf(max: number): PolicyLimits {
  return { max, maxPerTenant: Math.ceil(max / 2), maxWaitingPerTenant: 100 * max }
}

/** Visits of 1,000 tenants whose queries keep this many connections busy on average. */
export function busy(connections: number, count: number, traffic: Partial<Traffic> = {}): Visit[] {
  const rate = connections / QUERIES_PER_VISIT
  return visits({ seed: 5, tenants: 1_000, skew: 1, rate, visits: count, ...traffic })
}

/** Five queries in a row for random tenants. No tenant comes back for more. */
export function sessions(connections: number, count: number): Visit[] {
  const single = { seed: 3, tenants: 1_000, skew: 1, isSingle: true }
  const queries = visits({ ...single, rate: connections / 5, visits: 5 * count })
  return queries.slice(0, count).map(({ at, database }, index) => {
    const own = queries.slice(5 * index, 5 * index + 5)
    return { at, database, requests: [{ pause: 0, queries: own.flatMap(millisOf) }] }
  })
}

/** Users who send the next query as soon as they have the last answer: a pool that is never idle. */
export function saturation(users: number, queries: number): Visit[] {
  const single = { seed: 9, skew: 1, tenants: 100, isSingle: true }
  const all = visits({ ...single, rate: 1, visits: users * queries })
  return all.slice(0, users).map(({ database }, index) => {
    const own = all.slice(index * queries, (index + 1) * queries)
    return { at: 0, database, requests: [{ pause: 0, queries: own.flatMap(millisOf) }] }
  })
}

/** A tenant's queries that would keep this many connections busy for a time. */
export function flood(
  connections: number,
  queryMillis: number,
  until: number,
  seed: number,
): Visit[] {
  const rate = connections / queryMillis
  const count = Math.ceil(until * rate)
  const one = { tenants: 1, skew: 0, isSingle: true, name: `flood${seed}-` }
  return visits({ seed, rate, visits: count, queryMillis, ...one })
}

/** This many queries of a tenant at once, again and again. Each takes this long. */
export function bursts(size: number, everyMillis: number, millis: number, until: number): Visit[] {
  const count = Math.floor((until - WARM_UP) / everyMillis)
  return Array.from({ length: count * size }, (_, index) => ({
    at: WARM_UP + Math.floor(index / size) * everyMillis,
    database: 'flood',
    requests: [{ pause: 0, queries: [millis] }],
  }))
}

function millisOf({ requests }: Visit): readonly number[] {
  return requests.flatMap(({ queries }) => queries)
}
