import { expect } from 'chai'
import { Course, type Setting, settingOf } from '../../../../lab/scheduling/course.ts'
import { limitsOf } from '../../../../lab/scheduling/loads.ts'
import type { Given, Policy, PolicyLimits } from '../../../../lab/scheduling/policy.ts'
import { Reference } from '../../../../lab/scheduling/reference.ts'
import { Scheduled } from '../../../../lab/scheduling/scheduled.ts'
import { simulate } from '../../../../lab/scheduling/simulation.ts'
import { type Traffic, visits } from '../../../../lab/scheduling/traffic.ts'
import { TenantShare, Waiter } from '../../../../src/pool/scheduling/tenant-share.ts'
import { Waiters } from '../../../../src/pool/scheduling/waiters.ts'

const MINUTE = 60_000
/** Courses of events in each of the tests over many. */
const COURSES = 2_000

const VISITS: Traffic = { seed: 1, tenants: 1_000, skew: 1, rate: 0.5, visits: 600 }

/** Pools and traffic by what they are about. */
const REPLAYS: Readonly<Record<string, { limits: PolicyLimits; traffic: Traffic }>> = {
  'a pool that is mostly idle': {
    limits: limitsOf(20),
    traffic: VISITS,
  },
  'a wide one': {
    limits: limitsOf(50),
    traffic: VISITS,
  },
  'tenants that are all alike': {
    limits: limitsOf(20),
    traffic: { ...VISITS, skew: 0 },
  },
  'more work than it can do': {
    limits: { ...limitsOf(6), maxWaitingPerTenant: 50 },
    traffic: { ...VISITS, tenants: 20 },
  },
  'single queries': {
    limits: limitsOf(10),
    traffic: { ...VISITS, rate: 8, visits: 6_000, isSingle: true },
  },
}

interface Replay {
  readonly switches: number
  readonly mostOpen: number
  /** Who got which connection, in that order. */
  readonly log: readonly Given[]
}

function replay(policy: Policy, traffic: Traffic): Replay {
  const log: Given[] = []
  const { switches, mostOpen } = simulate(policy, visits(traffic), log)
  return { switches, mostOpen, log }
}

const LIMITS: PolicyLimits = { max: 4, maxPerTenant: 4, maxWaitingPerTenant: 100 }

/** A pool with so many connections, idle in these databases in the order of their release. */
function pool(databases: string, limits: Partial<PolicyLimits> = {}): Scheduled {
  const scheduled = new Scheduled({ ...LIMITS, max: databases.length, ...limits })
  const given = [...databases].map((database, id) => {
    const [at] = scheduled.acquire(id, database, 0)
    return at ?? (scheduled.connected(0)[0] as Given)
  })
  for (const { connection } of given) scheduled.release(connection, 0)
  return scheduled
}

/** The same, where two tenants have just taken one connection from each other again and again. */
function poolOfReturning(databases: string, limits: Partial<PolicyLimits>): Scheduled {
  const scheduled = pool('y', limits)
  for (let turn = 1; turn <= 400; turn++) {
    const [given] = scheduled.acquire(-turn, turn % 2 ? 'z' : 'y', 0) as [Given]
    scheduled.release(given.connection, 0)
  }
  const given = [...databases].map((database, id) => {
    const [at] = scheduled.acquire(id, database, 0)
    return at ?? (scheduled.connected(0)[0] as Given)
  })
  for (const { connection } of given) scheduled.release(connection, 0)
  scheduled.connecting = 0
  return scheduled
}

/** Which connection of a pool a tenant gets. */
function choice(databases: string, database: string): number | undefined {
  return pool(databases).acquire(99, database, 0)[0]?.connection
}

/** Acquires in a row; who of them gets a connection at once. */
function acquire(scheduled: Scheduled, databases: string, from: number, now = 0): Given[] {
  return [...databases].flatMap((database, index) => scheduled.acquire(from + index, database, now))
}

describe('the choice among idle connections', () => {
  it('takes the one in the same database', () => expect(choice('bac', 'a')).to.equal(2))
  it('takes the one released last of several', () => expect(choice('abac', 'a')).to.equal(3))
  it('takes a duplicate before the only one', () => expect(choice('bcdcd', 'a')).to.equal(2))
  it('takes the one idle longest of duplicates', () => expect(choice('bdcdc', 'a')).to.equal(2))
  it('takes the one idle longest of single ones', () => expect(choice('bcd', 'a')).to.equal(1))

  it('takes the only one before a duplicate, where it has been idle far longer', () =>
    expect(choice('bcdefgg', 'a')).to.equal(1))

  it('takes one that nobody has used before another tenant’s', () => {
    const scheduled = pool('bc', { max: 3 })
    scheduled.connecting++
    scheduled.connected(0)
    expect(scheduled.acquire(99, 'a', 0)[0]?.connection).to.equal(3)
  })

  it('takes one that is in no known database before another tenant’s', () => {
    const scheduled = pool('bcd')
    const [given] = scheduled.acquire(98, 'c', 0) as [Given]
    scheduled.release(given.connection, 0, true)
    expect(scheduled.acquire(99, 'a', 0)[0]?.connection).to.equal(given.connection)
  })

  it('forgets tenants of which it has nothing any more', () => {
    const scheduled = new Scheduled({ ...LIMITS, max: 2 })
    scheduled.acquire(0, 't', 0)
    let [given] = scheduled.connected(0)
    for (let id = 1; id <= 1_000; id++) {
      scheduled.release((given as Given).connection, 0)
      ;[given] = scheduled.acquire(id, `t${id}`, 0)
    }
    expect(scheduled.scheduler.tenants).to.equal(1)
  })
})

describe('when to connect', () => {
  it('connects for each who waits, up to the most there may be', () => {
    const scheduled = new Scheduled({ ...LIMITS, max: 3 })
    const connecting = [1, 2, 3, 4].map((id) => {
      scheduled.acquire(id, 'a', 0)
      return scheduled.connecting
    })
    expect(connecting).to.deep.equal([1, 2, 3, 3])
  })

  it('connects in the background where tenants come back for what others have taken', () => {
    const scheduled = poolOfReturning('a', { max: 4 })
    expect(scheduled.acquire(1, 'b', 0)).to.have.lengthOf(1)
    expect(scheduled.connecting).to.equal(1)
  })

  it('does not where they never do', () => {
    const scheduled = pool('a', { max: 4 })
    for (let id = 1; id <= 1_000; id++) {
      const [given] = scheduled.acquire(id, `t${id % 6}`, 0) as [Given]
      scheduled.release(given.connection, 0)
    }
    expect(scheduled.connecting).to.equal(0)
  })

  it('has two on their way at most that nobody waits for', () => {
    const scheduled = poolOfReturning('abcd', { max: 10 })
    acquire(scheduled, 'wxyz', 10)
    expect(scheduled.connecting).to.equal(2)
  })

  it('does not where the tenant’s own or a fresh one was idle', () => {
    const scheduled = poolOfReturning('a', { max: 4 })
    scheduled.connecting++
    scheduled.connected(0)
    acquire(scheduled, 'ab', 1)
    expect(scheduled.connecting).to.equal(0)
  })

  it('does not where the connection was in no known database', () => {
    const scheduled = poolOfReturning('a', { max: 4 })
    const [given] = scheduled.acquire(1, 'a', 0) as [Given]
    scheduled.release(given.connection, 0, true)
    acquire(scheduled, 'b', 2)
    expect(scheduled.connecting).to.equal(0)
  })

  it('does not for a while after connecting has failed, unless somebody waits', () => {
    const scheduled = poolOfReturning('ab', { max: 6 })
    const [c, d] = acquire(scheduled, 'cd', 10) as [Given, Given]
    expect(scheduled.connecting).to.equal(2)
    scheduled.connectFailed(0)
    scheduled.connectFailed(0)
    scheduled.release(c.connection, 1)
    acquire(scheduled, 'e', 20, 4_999)
    expect(scheduled.connecting, 'a victim was found').to.equal(0)
    acquire(scheduled, 'f', 30, 4_999)
    expect(scheduled.connecting, 'somebody waits').to.equal(1)
    scheduled.leave(30)
    scheduled.connectFailed(4_999)
    scheduled.release(d.connection, 5_000)
    acquire(scheduled, 'g', 40, 9_999)
    expect(scheduled.connecting, 'the pause is over').to.equal(1)
  })
})

describe('who is next', () => {
  it('lets one pass whose database the connection is in, eight times', () => {
    const scheduled = pool('a')
    const [held] = acquire(scheduled, 'a', 100) as [Given]
    acquire(scheduled, `b${'a'.repeat(20)}`, 1)
    const order = Array.from({ length: 10 }, () => scheduled.release(held.connection, 0)[0]?.id)
    expect(order).to.deep.equal([2, 3, 4, 5, 6, 7, 8, 9, 1, 10])
  })

  it('gives a backlog a quarter of the pool while others wait', () => {
    const scheduled = pool('aaaaaaaa')
    const held = acquire(scheduled, 'aaaaaaaa', 1_000)
    acquire(scheduled, `${'a'.repeat(40)}${'bcdefghi'}`, 1)
    const served = held.flatMap(({ connection }) => scheduled.release(connection, 0))
    expect(served.map(({ id }) => id)).to.deep.equal([41, 42, 43, 44, 45, 46, 1, 2])
  })

  it('gives a backlog every connection where nobody else waits', () => {
    const scheduled = pool('bbbb')
    const held = acquire(scheduled, 'bbbb', 1_000)
    acquire(scheduled, 'a'.repeat(40), 1)
    const served = held.flatMap(({ connection }) => scheduled.release(connection, 0))
    expect(served.map(({ id }) => id)).to.deep.equal([1, 2, 3, 4])
  })

  it('gives of several backlogs the one next that has least, then the one that came first', () => {
    const scheduled = pool('bbbb')
    const held = acquire(scheduled, 'bbbb', 1_000)
    acquire(scheduled, 'a'.repeat(10), 1)
    acquire(scheduled, 'c'.repeat(30), 101)
    acquire(scheduled, 'a'.repeat(20), 11)
    const served = held.flatMap(({ connection }) => scheduled.release(connection, 0))
    expect(served.map(({ id }) => id)).to.deep.equal([1, 101, 2, 102])
  })

  it('looks at those only that hold a connection, however many have a backlog', () => {
    let looks = 0
    const waiters = new Waiters<number, number>(2, () => {
      looks++
      return 2
    })
    const shares = Array.from({ length: 100 }, (_, id) => new TenantShare<number, number>(`t${id}`))
    for (let turn = 1; turn <= 1_000; turn++) {
      const share = shares[turn % 100] as TenantShare<number, number>
      waiters.add(new Waiter(turn, share, turn))
    }
    const [, holder] = shares as [unknown, TenantShare<number, number>]
    holder.inUse = 1
    looks = 0
    expect(waiters.head()?.turn, 'the first whose tenant holds none').to.equal(2)
    expect(looks).to.equal(1)
  })

  it('refuses to let more of one tenant wait than may', () => {
    const scheduled = pool('a', { maxWaitingPerTenant: 2 })
    acquire(scheduled, 'aaaab', 1)
    expect(scheduled.waiting).to.equal(3)
  })

  it('puts one whose connection was of no use back into its place', () => {
    const scheduled = pool('ab')
    const held = acquire(scheduled, 'ab', 100) as [Given, Given]
    acquire(scheduled, 'ccc', 1)
    const [dead] = scheduled.release(held[0].connection, 0) as [Given]
    expect(dead.id).to.equal(1)
    scheduled.takeBack(dead, 0)
    expect(scheduled.release(held[1].connection, 0)[0]?.id).to.equal(1)
  })
})

describe('a tenant that holds as many connections as it may', () => {
  const limits = { max: 4, maxPerTenant: 3 }

  it('is one that holds a third, and no less than two, while none has come back', () => {
    for (const [max, most] of [
      [4, 2],
      [6, 2],
      [7, 3],
      [20, 7],
    ] as const) {
      const scheduled = pool('b'.repeat(max), { max, maxPerTenant: max - 1 })
      expect(acquire(scheduled, 'a'.repeat(max), 1, 1_000), `${max}`).to.have.lengthOf(most)
    }
  })

  it('may hold one more for each that comes back, up to its limit, until they stand still', () => {
    const scheduled = pool('bbbbbbb', { max: 7, maxPerTenant: 5 })
    const held = acquire(scheduled, 'aaaaaaaaaaaa', 1, 1_000).map(({ connection }) => connection)
    const giveBack = (now: number): number => {
      const given = scheduled.release(held.shift() as number, now)
      held.push(...given.map(({ connection }) => connection))
      return held.length
    }
    expect([held.length, giveBack(1_100), giveBack(1_350), giveBack(1_351)]).to.eql([3, 4, 5, 5])
    expect(giveBack(1_602), 'now it may hold four').to.equal(4)
  })

  it('holds nothing back where it may hold all', () => {
    const scheduled = pool('bbbb', { max: 4, maxPerTenant: 4 })
    expect(acquire(scheduled, 'aaaa', 1, 1_000)).to.have.lengthOf(4)
  })

  it('leaves the rest to others, and gets them once none of these has come for a minute', () => {
    const scheduled = pool('bbbb', limits)
    expect(acquire(scheduled, 'aaa', 1, 1_000)).to.have.lengthOf(2)
    expect(scheduled.look(MINUTE)).to.have.lengthOf(0)
    expect(scheduled.look(MINUTE + 1)).to.have.lengthOf(1)
  })

  it('does not keep others waiting, and others’ use keeps it from more', () => {
    const scheduled = pool('bbbb', limits)
    acquire(scheduled, 'aaa', 1, 1_000)
    const [given] = acquire(scheduled, 'c', 10, 50_000) as [Given]
    expect(given.id).to.equal(10)
    expect(scheduled.look(500_000), 'c holds one').to.have.lengthOf(0)
    expect(scheduled.release(given.connection, 500_000)).to.have.lengthOf(0)
    expect(scheduled.look(500_000 + MINUTE)).to.have.lengthOf(0)
    expect(scheduled.look(500_001 + MINUTE)).to.have.lengthOf(1)
  })

  it('has the whole pool where nobody else has come', () => {
    const scheduled = new Scheduled({ ...LIMITS, ...limits })
    acquire(scheduled, 'aaaa', 1)
    const given = [1, 2, 3, 4].flatMap(() => scheduled.connected(0))
    expect(given).to.have.lengthOf(4)
  })
})

describe('any course of events', function () {
  this.timeout(120_000)

  it('hands out as the rules say, word by word', () => {
    forEachCourse((setting) => {
      const [ours, theirs] = [new Scheduled(setting), new Reference(setting)].map((policy) => {
        const course = new Course(policy, setting)
        return Array.from({ length: setting.steps }, () => {
          const given = course.step()
          return { given, counts: [policy.connecting, policy.open, policy.idle, policy.waiting] }
        })
      })
      if (JSON.stringify(ours) !== JSON.stringify(theirs)) expect(ours).to.deep.equal(theirs)
    })
  })

  it('hands no connection out twice and opens none too many', () => {
    forEachStep(({ max }, { open, connecting }) => {
      if (open + connecting > max) throw new Error(`${open} + ${connecting} of ${max}`)
    })
  })

  it('leaves no connection idle that somebody may have', () => {
    forEachStep(({ maxPerTenant }, { idle }, { held, waiting, databases }) => {
      if (idle === 0 || waiting.length === 0) return
      const holders = [...held.values()].map(({ id }) => databases.get(id))
      for (const id of waiting) {
        const own = holders.filter((database) => database === databases.get(id)).length
        if (own < Math.min(2, maxPerTenant))
          throw new Error(`${id} waits, and its tenant holds ${own}`)
      }
    })
  })

  it('serves each tenant in the order in which it came', () => {
    forEachStep((_setting, _policy, { databases, waiting }, given) => {
      for (const { id } of given) {
        const isAhead = (other: number) => other < id && databases.get(other) === databases.get(id)
        if (waiting.some(isAhead)) throw new Error(`${id} was served before its turn`)
      }
    })
  })

  it('passes nobody over more than eight times for the database a connection is in', () => {
    let most = 0
    forEachStep((_setting, { scheduler }, { now }) => {
      most = Math.max(most, scheduler.head(now)?.bypassed ?? 0)
    })
    expect(most).to.equal(8)
  })

  it('lets nobody wait for ever: nine hand-outs at most for each who is ahead', () => {
    forEachCourse(({ max, ...given }) => {
      const setting = { ...given, max, maxPerTenant: max, maxWaitingPerTenant: 4 * max }
      const course = new Course(new Scheduled(setting), setting)
      const latest = new Map<number, number>()
      for (let step = 0, served = 0; step < setting.steps; step++) {
        served += course.step().length
        course.waiting.forEach((id, index) => {
          // Each of those who hold one now may yet give it back, and take its place again.
          const ahead = index + 2 + max
          if (!latest.has(id)) latest.set(id, served + 9 * ahead)
          if (served > (latest.get(id) as number)) throw new Error(`${id} still waits`)
        })
      }
    })
  })

  it('serves everyone in the end, whatever the limits, and forgets all tenants with them', () => {
    forEachCourse((setting) => {
      const policy = new Scheduled(setting)
      const course = new Course(policy, setting)
      for (let step = 0; step < setting.steps; step++) course.step()
      course.finish()
      if (policy.scheduler.tenants > policy.idle) throw new Error('a tenant is not forgotten')
    })
  })
})

describe('the same visits over the scheduler and over the rules, word by word', () => {
  for (const [title, { limits, traffic }] of Object.entries(REPLAYS)) {
    it(`make the same switches on the same connections: ${title}`, () => {
      const ours = replay(new Scheduled(limits), traffic)
      const theirs = replay(new Reference(limits), traffic)
      expect(ours.switches).to.equal(theirs.switches)
      expect(ours.mostOpen).to.equal(theirs.mostOpen)
      expect(ours.log.length).to.be.greaterThan(5_000)
      expect(JSON.stringify(ours.log)).to.equal(JSON.stringify(theirs.log))
    })
  }
})

function forEachCourse(check: (setting: Setting) => void): void {
  for (let seed = 1; seed <= COURSES; seed++) {
    try {
      check(settingOf(seed))
    } catch (error) {
      if (error instanceof Error) error.message = `seed ${seed}: ${error.message}`
      throw error
    }
  }
}

type StepCheck = (
  setting: Setting,
  policy: Scheduled,
  course: Course,
  given: readonly Given[],
) => void

function forEachStep(check: StepCheck): void {
  forEachCourse((setting) => {
    const policy = new Scheduled(setting)
    const course = new Course(policy, setting)
    for (let step = 0; step < setting.steps; step++) check(setting, policy, course, course.step())
  })
}
