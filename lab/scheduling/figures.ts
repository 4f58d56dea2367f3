import { bursts, flood, limitsOf, TARN, WARM_UP } from './loads.ts'
import type { Policy } from './policy.ts'
import { type NextUse, Reference, type ReferenceRules } from './reference.ts'
import { Scheduled } from './scheduled.ts'
import { type Acquired, mean, type Outcome, p99, simulate } from './simulation.ts'
import type { Visit } from './traffic.ts'

/** Switches per acquire. */
export function perAcquire({ switches, acquires }: Outcome): number {
  return switches / acquires
}

/** The results of the same visits with the scheduler, and with alternative rules. */
export interface Comparison {
  readonly scheduler: Outcome
  /** Plain Knex's pool. */
  readonly tarn: Outcome
  /** The rule that always gives duplicates first. */
  readonly spareFirst: Outcome
  /** The rule that never does. */
  readonly oldest: Outcome
  /** The rule that gives the connection whose tenant comes last. Only a simulation can know that. */
  readonly oracle: Outcome
}

/** Compares the rules for choosing an idle connection. */
export function compare(max: number, visits: readonly Visit[]): Comparison {
  const limits = limitsOf(max)
  const by = (rules: ReferenceRules) => simulate(new Reference(limits, rules), visits)
  const scheduler = simulate(new Scheduled(limits), visits)
  return {
    scheduler,
    tarn: by(TARN),
    spareFirst: by({ victim: 'spare' }),
    oldest: by({ victim: 'oldest' }),
    oracle: by({ victim: nextUses(scheduler.acquired) }),
  }
}

/** When each tenant came in an earlier simulation. In the next one it comes at about the same time. */
function nextUses(acquired: readonly Acquired[]): NextUse {
  const times = new Map<string, number[]>()
  for (const { database, at } of [...acquired].sort((a, b) => b.at - a.at)) {
    const known = times.get(database)
    if (known) known.push(at)
    else times.set(database, [at])
  }
  return (database, now) => {
    const left = times.get(database)
    while (left?.length && (left.at(-1) as number) <= now) left.pop()
    return left?.at(-1) ?? Number.POSITIVE_INFINITY
  }
}

/** The throughput of the scheduler relative to first come, first served, in a pool that is never idle. */
export function saturatedGain(max: number, visits: readonly Visit[]): number {
  const switchMillis = 0.2
  const fifo = new Reference(limitsOf(max), { bypasses: 0, backlogs: false })
  const cost = (policy: Policy) => 1 + switchMillis * perAcquire(simulate(policy, visits))
  return cost(fifo) / cost(new Scheduled(limitsOf(max)))
}

/** How long acquires took, in simulated milliseconds. */
export interface Delays {
  readonly mean: number
  readonly p99: number
  /** Includes the query. */
  readonly p99Total: number
}

/** How long acquires took for tenants whose names begin so, after the warm-up. */
export function delays({ acquired }: Outcome, name = 't'): Delays {
  const own = acquired.filter(({ database, at }) => at > WARM_UP && database.startsWith(name))
  const waits = own.map(({ delay }) => delay)
  return { mean: mean(waits), p99: p99(waits), p99Total: p99(own.map(({ total }) => total)) }
}

/** Tenants that send too many queries, by kind. They stop when the other tenants stop. */
export const FLOODS: Readonly<Record<string, (until: number) => Visit[]>> = {
  'nobody does': () => [],
  'one asks for 40 % of the pool': (until) => flood(8, 1, until, 1),
  'one asks for all of it': (until) => flood(20, 1, until, 1),
  'four ask for half of it each': (until) => [1, 2, 3, 4].flatMap((s) => flood(10, 1, until, s)),
  'eight ask for a quarter each': (until) =>
    [1, 2, 3, 4, 5, 6, 7, 8].flatMap((s) => flood(5, 1, until, s)),
  'one asks for all of it with queries of 50 ms': (until) => flood(20, 50, until, 1),
  'one asks 500 times at once, each second': (until) => bursts(500, 1_000, 1, until),
}

/** The delays of the other tenants during a flood. */
export function others(policy: Policy, visits: readonly Visit[], flooded: string): Delays {
  const until = (visits.at(-1) as Visit).at
  const more = FLOODS[flooded]?.(until) ?? []
  return delays(simulate(policy, [...visits, ...more]))
}

/** The delays of the other tenants if one tenant has 100 queries at a time that wait for a lock of 1 s. */
export function othersOfStuck(policy: Policy, visits: readonly Visit[]): Delays {
  const until = (visits.at(-1) as Visit).at
  return delays(simulate(policy, [...visits, ...bursts(100, 4_000, 1_000, until)]))
}
