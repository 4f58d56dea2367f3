import { expect } from 'chai'
import type { KillTarget } from '../../../src/connection/kill.ts'
import { SideConnection } from '../../../src/pool/side-connection.ts'
import { rejection } from '../../support/tenants.ts'

const target = (connectionId: number): KillTarget => ({
  connectionId,
  serverId: 'one',
  openedAt: 0,
  isKilledWhole: false,
})

/** A side connection whose killing ends when the test says so, and what it was asked to kill. */
function heldUp(): { side: SideConnection; asked: number[][]; go: (() => void)[] } {
  const asked: number[][] = []
  const go: (() => void)[] = []
  const side = new SideConnection(async (targets) => {
    asked.push(targets.map(({ connectionId }) => connectionId))
    await new Promise<void>((resolve) => go.push(resolve))
    return targets.map(({ connectionId }) =>
      connectionId === 13
        ? { status: 'rejected', reason: new Error('no such connection') }
        : { status: 'fulfilled', value: undefined },
    )
  })
  return { side, asked, go }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('the connection beside the pool', () => {
  it('ends what came while it was busy together, and each caller gets its own answer', async () => {
    const { side, asked, go } = heldUp()
    const first = side.kill(target(1))
    await turn()
    const second = side.kill(target(2))
    const third = rejection(side.kill(target(13)))
    await turn()
    expect(asked).to.deep.equal([[1]])
    go.shift()?.()
    await first
    await turn()
    expect(asked).to.deep.equal([[1], [2, 13]])
    go.shift()?.()
    await second
    expect((await third).message).to.equal('no such connection')
    await side.settled()
    expect(asked).to.have.lengthOf(2)
  })

  it('tells all who wait when it cannot be made, and goes on', async () => {
    let isDown = true
    const side = new SideConnection(async (targets) => {
      if (isDown) throw new Error('unreachable')
      return targets.map(() => ({ status: 'fulfilled', value: undefined }))
    })
    const errors = [1, 2].map((id) => rejection(side.kill(target(id))))
    for (const error of await Promise.all(errors)) expect(error.message).to.equal('unreachable')
    isDown = false
    await side.kill(target(3))
  })

  it('does one thing at a time', async () => {
    const { side, asked, go } = heldUp()
    const order: string[] = []
    const checked = side.run(async () => {
      order.push('check begins')
      await turn()
      order.push(`check ends, killed: ${asked.length}`)
    })
    const killed = side.kill(target(1))
    await checked
    await turn()
    go.shift()?.()
    await killed
    expect(order).to.deep.equal(['check begins', 'check ends, killed: 0'])
  })

  it('is settled once what is under way has ended', async () => {
    const { side, go } = heldUp()
    let isSettled = false
    const killed = side.kill(target(1))
    const settled = side.settled().then(() => {
      isSettled = true
    })
    await turn()
    expect(isSettled).to.equal(false)
    go.shift()?.()
    await Promise.all([killed, settled])
  })
})
