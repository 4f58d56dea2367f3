import { expect } from 'chai'
import { UNKNOWN_STATEMENT } from '../../../src/connection/sender.ts'
import { type Need, SessionState } from '../../../src/connection/session/state.ts'
import {
  decideStart,
  leavesWithSwitch,
  type SwitchSituation,
} from '../../../src/connection/start-decision.ts'
import { placeOf } from '../../support/place.ts'

const a = { place: placeOf('a', 'db_a') }
const twin = { place: a.place }
const byA = { lease: a, nature: UNKNOWN_STATEMENT }
const SELECT = 'select * from items'
const NEEDS = ['nothing', 'confirm', 'hand-over'] as const

/** A session that says the same of every tenant. */
const session = (need: Need) => ({ need: () => need })

describe('the decision on a command that starts', () => {
  it('refuses what came through no lease, whatever the session is in', () => {
    for (const need of NEEDS) {
      for (const sql of [SELECT, 'COMMIT', undefined]) {
        expect(decideStart(undefined, a, session(need), sql)).to.equal('refuse')
        expect(decideStart(undefined, undefined, session(need), sql)).to.equal('refuse')
      }
    }
  })

  it('refuses what came through another lease than the holder’s, also one of the same tenant', () => {
    for (const need of NEEDS) {
      for (const sql of [SELECT, 'ROLLBACK', undefined]) {
        expect(decideStart(byA, twin, session(need), sql)).to.equal('refuse')
        expect(decideStart(byA, undefined, session(need), sql)).to.equal('refuse')
      }
    }
  })

  it('runs what needs nothing, and switches first what needs a switch', () => {
    for (const sql of [SELECT, '', undefined]) {
      expect(decideStart(byA, a, session('nothing'), sql)).to.equal('run')
      expect(decideStart(byA, a, session('confirm'), sql)).to.equal('confirm')
      expect(decideStart(byA, a, session('hand-over'), sql)).to.equal('hand-over')
    }
  })

  it('runs the end of a transaction where the database alone is unknown', () => {
    for (const sql of ['COMMIT', 'ROLLBACK', 'rollback to savepoint s1', ' commit; ']) {
      expect(decideStart(byA, a, session('nothing'), sql)).to.equal('run')
      expect(decideStart(byA, a, session('confirm'), sql)).to.equal('run')
    }
  })

  it('runs not even the end of a transaction in the session of another', () => {
    for (const sql of ['COMMIT', 'ROLLBACK']) {
      expect(decideStart(byA, a, session('hand-over'), sql)).to.equal('hand-over')
    }
  })

  it('takes for the end of a transaction only what is nothing else', () => {
    for (const sql of ['COMMIT AND CHAIN', 'commit; select 1', 'savepoint s1']) {
      expect(decideStart(byA, a, session('confirm'), sql)).to.equal('confirm')
    }
  })

  it('asks for a session of the tenant’s own if hidden code may have come meanwhile', () => {
    const state = new SessionState()
    state.onDatabase('information_schema')
    const plainness = { isPlain: true }
    const nature = { ...UNKNOWN_STATEMENT, session: 'common', plainness } as const
    const decide = () => decideStart({ lease: a, nature }, a, state, SELECT)
    expect(decide()).to.equal('run')
    plainness.isPlain = false
    expect(decide()).to.equal('confirm')
  })

  it('asks the session about the tenant of the lease', () => {
    const state = new SessionState()
    state.onStatement(placeOf('b', 'db_b'))
    state.onDatabase('db_b')
    expect(decideStart(byA, a, state, SELECT)).to.equal('hand-over')
    state.onCleaned()
    expect(decideStart(byA, a, state, SELECT)).to.equal('confirm')
    state.onDatabase('db_a')
    expect(decideStart(byA, a, state, SELECT)).to.equal('run')
  })
})

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
