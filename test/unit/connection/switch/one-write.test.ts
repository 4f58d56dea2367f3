import { expect } from 'chai'
import {
  leavesWithSwitch,
  type SwitchSituation,
} from '../../../../src/connection/switch/one-write.ts'

const GOOD: SwitchSituation = {
  canPipeline: true,
  isText: true,
  isBuilt: true,
  isPlain: true,
  sinceConfirmed: 59_999,
  sinceAcquired: 4_999,
}

describe('a statement that needs a switch', () => {
  it('leaves with it where the switch is expected to succeed', () => {
    expect(leavesWithSwitch('auto', GOOD)).to.equal(true)
  })

  const reasons: [string, Partial<SwitchSituation>][] = [
    ['is not the query builder’s', { isBuilt: false }],
    ['comes after a role or a `session` statement, which may fail', { isPlain: false }],
    ['is for a database that was confirmed too long ago', { sinceConfirmed: 60_000 }],
    ['is for a database that nobody has confirmed', { sinceConfirmed: Number.POSITIVE_INFINITY }],
    ['is on a connection that may be dead', { sinceAcquired: 5_000 }],
  ]
  for (const [title, situation] of reasons) {
    it(`waits where it ${title}, unless it is told not to`, () => {
      expect(leavesWithSwitch('auto', { ...GOOD, ...situation })).to.equal(false)
      expect(leavesWithSwitch('pipelined', { ...GOOD, ...situation })).to.equal(true)
    })
  }

  for (const situation of [{ canPipeline: false }, { isText: false }]) {
    it(`always waits where it must: ${JSON.stringify(situation)}`, () => {
      expect(leavesWithSwitch('auto', { ...GOOD, ...situation })).to.equal(false)
      expect(leavesWithSwitch('pipelined', { ...GOOD, ...situation })).to.equal(false)
    })
  }

  it('waits where it is told to', () => {
    expect(leavesWithSwitch('roundtrip', GOOD)).to.equal(false)
  })
})
