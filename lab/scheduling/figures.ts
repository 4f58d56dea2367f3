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

/** The same visits over the scheduler, and over rules it could have. */
export interface Comparison {
  readonly scheduler: Outcome
  /** Plain Knex's pool. */
  readonly tarn: Outcome
  /** Duplicates always go first. */
  readonly spareFirst: Outcome
  /** They never do. */
  readonly oldest: Outcome
  /** What is needed last goes, which nobody can know before. */
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

/** When each tenant came, as far as it has been seen once: later acquires are at about the same time. */
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

/** How much more a pool that is never idle does with the scheduler than first come, first served. */
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
  /** With the query itself. */
  readonly p99Total: number
}

/** How long the acquires took of the tenants that are named so, once the pool is in full swing. */
export function delays({ acquired }: Outcome, name = 't'): Delays {
  const own = acquired.filter(({ database, at }) => at > WARM_UP && database.startsWith(name))
  const waits = own.map(({ delay }) => delay)
  return { mean: mean(waits), p99: p99(waits), p99Total: p99(own.map(({ total }) => total)) }
}

/** Tenants that ask for too much, by what they do: their queries, until others come no more. */
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

/** What the others of a pool feel of a flood. */
export function others(policy: Policy, visits: readonly Visit[], flooded: string): Delays {
  const until = (visits.at(-1) as Visit).at
  const more = FLOODS[flooded]?.(until) ?? []
  return delays(simulate(policy, [...visits, ...more]))
}

/** What the others feel of a tenant all of whose 100 queries at a time wait for a lock of 1 s. */
export function othersOfStuck(policy: Policy, visits: readonly Visit[]): Delays {
  const until = (visits.at(-1) as Visit).at
  return delays(simulate(policy, [...visits, ...bursts(100, 4_000, 1_000, until)]))
}
