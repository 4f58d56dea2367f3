import { expect } from 'chai'
import type { Given, PolicyLimits } from '../../../../lab/scheduling/policy.ts'
import { Scheduled } from '../../../../lab/scheduling/scheduled.ts'
import { TenantShare, Waiter } from '../../../../src/pool/scheduling/tenant-share.ts'
import { Waiters } from '../../../../src/pool/scheduling/waiters.ts'
import { describeCourses, describeReplays } from '../../../contract/scheduler-suite.ts'

const MINUTE = 60_000
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

describeCourses(150)
describeReplays(100)
