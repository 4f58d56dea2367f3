import { expect } from 'chai'
import type { PolicyLimits } from './scheduling/policy.ts'
import { Reference, type ReferenceRules } from './scheduling/reference.ts'
import { Scheduled } from './scheduling/scheduled.ts'
import { type Outcome, p99, simulate } from './scheduling/simulation.ts'
import { QUERIES_PER_VISIT, type Traffic, type Visit, visits } from './scheduling/traffic.ts'

/** What plain Knex's pool does: the connection released last, whoever came first. */
const TARN: ReferenceRules = {
  affinity: false,
  victim: 'latest',
  bypasses: 0,
  backlogs: false,
  widening: false,
}

/** Simulated milliseconds before what is seen counts: pools are opened, backlogs build up. */
const WARM_UP = 1_000

/** The scheduler's own limits, by default, for a pool. */
function limitsOf(max: number): PolicyLimits {
  return { max, maxPerTenant: Math.ceil(max * 0.75), maxWaitingPerTenant: 100 * max }
}

/** Visits of 1,000 tenants that keep so many connections busy with queries, on average. */
function busy(connections: number, visits: number, traffic: Partial<Traffic> = {}): Traffic {
  const rate = connections / QUERIES_PER_VISIT
  return { seed: 5, tenants: 1_000, skew: 1, rate, visits, ...traffic }
}

function perAcquire({ switches, acquires }: Outcome): number {
  return switches / acquires
}

/** A tenant's queries that would keep so many connections busy, for as long as others come. */
function flood(connections: number, queryMillis: number, until: number, seed: number): Visit[] {
  const rate = connections / queryMillis
  const count = Math.ceil(until * rate)
  const one = { tenants: 1, skew: 0, isSingle: true, name: `flood${seed}-` }
  return visits({ seed, rate, visits: count, queryMillis, ...one })
}

/** What 99 of 100 acquires of the others waited at most, in simulated milliseconds. */
function waitOfOthers(policy: Scheduled | Reference, floods: [number, number][]): number {
  const others = visits(busy(10, 2_000, { tenants: 100 }))
  const until = (others.at(-1) as Visit).at
  const all = floods.flatMap(([connections, millis], seed) =>
    flood(connections, millis, until, seed + 1),
  )
  const { delays } = simulate(policy, [...others, ...all])
  return p99(delays.filter(({ database, at }) => at > WARM_UP && database.startsWith('t')))
}

describe('switches per acquire, in a simulation', function () {
  this.timeout(60_000)
  const limits = limitsOf(20)

  it('are few where three of ten connections are busy', () => {
    const traffic = visits(busy(6, 2_000))
    expect(perAcquire(simulate(new Scheduled(limits), traffic))).to.be.at.most(0.3)
    expect(perAcquire(simulate(new Reference(limits, TARN), traffic))).to.be.at.least(0.83)
  })

  it('are few where six of ten are', () => {
    const traffic = visits(busy(12, 2_000))
    expect(perAcquire(simulate(new Scheduled(limits), traffic))).to.be.at.most(0.55)
    expect(perAcquire(simulate(new Reference(limits, TARN), traffic))).to.be.at.least(0.88)
  })

  it('are very few in a wide pool, which opens by itself', () => {
    const traffic = visits(busy(6, 4_000))
    const outcome = simulate(new Scheduled(limitsOf(50)), traffic)
    expect(perAcquire(outcome)).to.be.at.most(0.09)
    expect(outcome.mostOpen).to.equal(50)
    const lazy = new Reference(limitsOf(50), { widening: false })
    expect(perAcquire(simulate(lazy, traffic))).to.be.at.least(0.2)
  })
})

describe('what others wait while a tenant asks for too much, in a simulation', function () {
  this.timeout(60_000)

  const FLOODS: Readonly<Record<string, { floods: [number, number][]; atMost: number }>> = {
    'one asks for 40 % of the pool': { floods: [[8, 1]], atMost: 10 },
    'one asks for all of it': { floods: [[20, 1]], atMost: 4 },
    'four ask for half of it each': { floods: [1, 2, 3, 4].map(() => [10, 1]), atMost: 3 },
    'one asks for all of it with slow queries': { floods: [[20, 50]], atMost: 25 },
  }

  for (const [title, { floods, atMost }] of Object.entries(FLOODS)) {
    it(`is bounded where ${title}`, () => {
      expect(waitOfOthers(new Scheduled(limitsOf(20)), floods)).to.be.at.most(atMost)
    })
  }

  it('is not with plain first come, first served', () => {
    const limits = { max: 20, maxPerTenant: 20, maxWaitingPerTenant: 400 }
    const fifo = new Reference(limits, { ...TARN, widening: true })
    expect(waitOfOthers(fifo, [[20, 1]])).to.be.at.least(10)
  })
})
