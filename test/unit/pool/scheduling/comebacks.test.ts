import { expect } from 'chai'
import { Comebacks } from '../../../../src/pool/scheduling/comebacks.ts'

/** Take-overs in a row, each as winner and loser. */
function takenOver(size: number, ...takeOvers: readonly string[]): Comebacks {
  const comebacks = new Comebacks(size)
  for (const [winner, loser] of takeOvers) comebacks.onTakeOver(winner as string, loser as string)
  return comebacks
}

/** Two tenants that take one connection from each other. */
function seesaw(times: number): string[] {
  return Array.from({ length: times }, (_, index) => (index % 2 ? 'ab' : 'ba'))
}

const ONE = 1 / 256

describe('comebacks', () => {
  it('are none at first', () => expect(takenOver(3).share).to.equal(0))
  it('are none of tenants that have lost nothing', () =>
    expect(takenOver(3, 'ba', 'cb', 'dc').share).to.equal(0))

  it('are those of tenants that have lost a connection', () =>
    expect(takenOver(3, 'ba', 'ab').share).to.equal(ONE))

  it('are so as many take-overs later as the pool has room for', () => {
    expect(takenOver(3, 'ba', 'xb', 'yx', 'ay').share).to.equal(ONE)
    expect(takenOver(3, 'ba', 'xb', 'yx', 'zy', 'az').share).to.equal(0)
  })

  it('are so while one of several losses is not too long ago', () => {
    expect(takenOver(3, 'ba', 'ca', 'xc', 'yx', 'ay').share).to.equal(ONE)
    expect(takenOver(3, 'ba', 'ca', 'xc', 'yx', 'zy', 'az').share).to.equal(0)
  })

  it('are most of the last ones after one hundred and ninety', () => {
    expect(takenOver(3, ...seesaw(170)).share).to.be.below(0.5)
    expect(takenOver(3, ...seesaw(190)).share).to.be.above(0.5)
  })

  it('are few again once nobody comes back any more', () => {
    const strangers = Array.from({ length: 400 }, (_, index) => `t${index}`)
    const comebacks = takenOver(3, ...seesaw(1_000))
    for (const [index, winner] of strangers.entries()) {
      comebacks.onTakeOver(winner, strangers[index - 1] ?? 'a')
    }
    expect(comebacks.share).to.be.below(0.25)
  })
})
