import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { Opener } from '../../../src/pool/opener.ts'
import { PoolEvents } from '../../../src/pool/pool-view.ts'
import { until } from '../../support/tenants.ts'

const RETRY_MILLIS = 20

interface Attempt {
  readonly succeed: (connection: string) => void
  readonly fail: (error: unknown) => void
}

/** An opener whose attempts end when the test says so, and what it tells its pool. */
function openerOf(retryMillis = RETRY_MILLIS) {
  const attempts: Attempt[] = []
  const told: unknown[] = []
  const host = {
    add: (connection: string) => told.push(['add', connection, opener.pending]),
    look: () => told.push('look'),
    onOpenFailed: (error: unknown, reason: string) => told.push([error, reason, opener.pending]),
  }
  const open = () => {
    return new Promise<string>((succeed, fail) => attempts.push({ succeed, fail }))
  }
  const opener = new Opener(open, retryMillis, host, new PoolEvents())
  return { opener, attempts, told }
}

describe('an opener', () => {
  it('counts attempts until they end, and then tells its pool', async () => {
    const { opener, attempts, told } = openerOf()
    opener.open('waiter')
    opener.open('widening')
    expect(opener.pending).to.equal(2)
    attempts[1]?.succeed('second')
    await until('it is open', () => opener.pending === 1)
    attempts[0]?.succeed('first')
    await until('both are open', () => opener.pending === 0)
    expect(told).to.deep.equal([['add', 'second', 1], 'look', ['add', 'first', 0], 'look'])
  })

  it('says of a failure why the connection was to be opened', async () => {
    const { opener, attempts, told } = openerOf(60_000)
    for (const reason of ['waiter', 'widening'] as const) opener.open(reason)
    for (const { fail } of attempts) fail('refused')
    await until('both have failed', () => opener.pending === 0)
    await opener.stop()
    expect(told).to.deep.equal([
      ['refused', 'waiter', 1],
      ['refused', 'widening', 0],
    ])
  })

  it('has its pool look again once after some failures', async () => {
    const { opener, attempts, told } = openerOf()
    opener.open('waiter')
    opener.open('waiter')
    for (const { fail } of attempts) fail('refused')
    await until('it looks', () => told.includes('look'))
    await sleep(2 * RETRY_MILLIS)
    expect(told.filter((each) => each === 'look')).to.have.lengthOf(1)
  })

  it('does not have it look before the interval is over', async () => {
    const { opener, attempts, told } = openerOf(60_000)
    opener.open('waiter')
    attempts[0]?.fail('refused')
    await sleep(RETRY_MILLIS)
    await opener.stop()
    expect(told).to.deep.equal([['refused', 'waiter', 0]])
  })

  it('waits for what is under way when stopped, and tries no more', async () => {
    const { opener, attempts, told } = openerOf()
    opener.open('waiter')
    let isStopped = false
    const stopped = opener.stop().then(() => {
      isStopped = true
    })
    await sleep(1)
    expect(isStopped).to.equal(false)
    attempts[0]?.fail('destroyed')
    await stopped
    await sleep(2 * RETRY_MILLIS)
    expect(told).to.deep.equal([['destroyed', 'waiter', 0]])
  })

  it('does not look again for a failure before it was stopped', async () => {
    const { opener, attempts, told } = openerOf()
    opener.open('waiter')
    attempts[0]?.fail('refused')
    await until('it has failed', () => opener.pending === 0)
    await opener.stop()
    await sleep(2 * RETRY_MILLIS)
    expect(told).to.not.include('look')
  })
})
