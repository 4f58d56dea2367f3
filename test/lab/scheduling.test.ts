import { expect } from 'chai'
import { others, othersOfStuck, perAcquire, saturatedGain } from '../../lab/scheduling/figures.ts'
import { busy, limitsOf, saturation, sessions, TARN } from '../../lab/scheduling/loads.ts'
import { Reference } from '../../lab/scheduling/reference.ts'
import { Scheduled } from '../../lab/scheduling/scheduled.ts'
import { simulate } from '../../lab/scheduling/simulation.ts'
import { describeCourses, describeReplays } from '../contract/scheduler-suite.ts'

describe('switches per acquire, in a simulation', function () {
  this.timeout(60_000)
  const limits = limitsOf(20)

  it('are few where three of ten connections are busy', () => {
    const traffic = busy(6, 2_000)
    expect(perAcquire(simulate(new Scheduled(limits), traffic))).to.be.at.most(0.21)
    expect(perAcquire(simulate(new Reference(limits, TARN), traffic))).to.be.at.least(0.83)
  })

  it('are few where six of ten are', () => {
    const traffic = busy(12, 2_000)
    expect(perAcquire(simulate(new Scheduled(limits), traffic))).to.be.at.most(0.48)
    expect(perAcquire(simulate(new Reference(limits, TARN), traffic))).to.be.at.least(0.88)
  })

  it('are very few in a wide pool, which opens by itself', () => {
    const traffic = busy(6, 4_000)
    const outcome = simulate(new Scheduled(limitsOf(50)), traffic)
    expect(perAcquire(outcome)).to.be.at.most(0.05)
    expect(outcome.mostOpen).to.equal(50)
    const lazy = new Reference(limitsOf(50), { widening: 'never' })
    expect(perAcquire(simulate(lazy, traffic))).to.be.at.least(0.2)
  })

  it('do not fall by so much where nobody comes back that it would open for it', () => {
    const traffic = sessions(6, 3_000)
    const outcome = simulate(new Scheduled(limitsOf(50)), traffic)
    expect(perAcquire(outcome)).to.be.at.most(0.18)
    expect(outcome.mostOpen).to.be.at.most(25)
    const wide = simulate(new Reference(limitsOf(50), { widening: 'always' }), traffic)
    expect(perAcquire(wide)).to.be.at.least(0.1)
  })

  it('are so few in a pool that is never idle that it does more', () => {
    expect(saturatedGain(20, saturation(100, 50))).to.be.at.least(1.07)
  })
})

describe('what others wait while a tenant asks for too much, in a simulation', function () {
  this.timeout(60_000)
  const visits = busy(10, 1_000, { tenants: 100 })

  const MOST: Readonly<Record<string, number>> = {
    'one asks for 40 % of the pool': 10,
    'one asks for all of it': 4,
    'four ask for half of it each': 3,
    'eight ask for a quarter each': 40,
    'one asks for all of it with queries of 50 ms': 8,
    'one asks 500 times at once, each second': 3,
  }

  for (const [title, most] of Object.entries(MOST)) {
    it(`is bounded where ${title}`, () => {
      expect(others(new Scheduled(limitsOf(20)), visits, title).p99).to.be.at.most(most)
    })
  }

  it('is not with plain first come, first served', () => {
    const limits = { max: 20, maxPerTenant: 20, maxWaitingPerTenant: 400 }
    const fifo = new Reference(limits, { ...TARN, widening: 'always' })
    expect(others(fifo, visits, 'one asks for all of it').p99).to.be.at.least(10)
  })

  it('is with the query no three times what it is else, where one waits for locks', () => {
    const few = busy(6, 2_000)
    const quiet = others(new Scheduled(limitsOf(50)), few, 'nobody does').p99Total
    const stuck = othersOfStuck(new Scheduled(limitsOf(50)), few).p99Total
    expect(stuck).to.be.at.most(3 * quiet)
    const unlimited = { ...limitsOf(50), maxPerTenant: 50 }
    expect(othersOfStuck(new Scheduled(unlimited), few).p99Total).to.be.at.least(3 * quiet)
  })
})

describeCourses(2_000)
describeReplays(600)
