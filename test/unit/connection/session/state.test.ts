import { expect } from 'chai'
import { SessionState } from '../../../../src/connection/session/state.ts'
import { placeOf } from '../../../support/place.ts'

const a = placeOf('a', 'db_a')
const b = placeOf('b', 'db_b')

/** A session in which a tenant's statements ran. */
function usedBy(place: typeof a): SessionState {
  const state = new SessionState()
  state.onDatabase(place.database)
  state.onStatement(place)
  state.onStatus(0x0002)
  return state
}

describe('the state of a session', () => {
  it('needs only the database where nobody has used it', () => {
    expect(new SessionState().need(a)).to.equal('confirm')
  })

  it('needs nothing for the tenant it is in already', () => {
    expect(usedBy(a).need(a)).to.equal('nothing')
  })

  it('leaves nothing before anyone used it', () => {
    expect(new SessionState().leftover()).to.equal('nothing')
  })

  it('does not take a database whose name begins alike for the same', () => {
    const state = new SessionState()
    for (const [confirmed, wanted] of [
      ['db_a', 'db_a1'],
      ['db_a1', 'db_a'],
      ['db_a', 'DB_A'],
    ] as const) {
      state.onDatabase(confirmed)
      expect(state.need(placeOf('a', wanted)), wanted).to.equal('confirm')
    }
  })

  it('knows a tenant by what it is, not by object', () => {
    expect(usedBy(a).need({ ...a })).to.equal('nothing')
  })

  it('needs cleaning for any other tenant, even one with the same database', () => {
    expect(usedBy(a).need(b)).to.equal('hand-over')
    expect(usedBy(a).need(placeOf('x', a.database))).to.equal('hand-over')
  })

  it('needs cleaning for a tenant that has moved to another server', () => {
    expect(usedBy(a).need({ ...a, server: 'other' })).to.equal('hand-over')
  })

  describe('with self-contained statements', () => {
    /** A new session, in which statements of tenants ran. */
    const common = (...places: (typeof a)[]): SessionState => {
      const state = new SessionState()
      state.onDatabase('information_schema')
      for (const place of places) state.onStatement(place, 'common')
      return state
    }

    it('needs nothing for those of any tenant in the neutral database', () => {
      for (const use of ['common', 'begin'] as const) {
        expect(common().need(a, use)).to.equal('nothing')
        expect(common(a).need(b, use)).to.equal('nothing')
        expect(common(a, b).need(a, use)).to.equal('nothing')
      }
    })

    it('needs the database for all others', () => {
      expect(common(a).need(a)).to.equal('confirm')
      expect(common(a).need(b)).to.equal('confirm')
      expect(common(a).databaseFor(b, 'own')).to.equal('db_b')
    })

    it('needs the neutral database in one that is another tenant’s, or not known', () => {
      for (const database of ['db_b', undefined]) {
        const state = common()
        if (database) state.onDatabase(database)
        else state.onDatabaseLost()
        expect(state.need(a, 'common')).to.equal('confirm')
        expect(state.databaseFor(a, 'common')).to.equal('information_schema')
      }
    })

    it('may stay in the tenant’s own database', () => {
      const state = common()
      state.onDatabase('db_a')
      expect(state.need(a, 'common')).to.equal('nothing')
    })

    it('needs cleaning for others from the first statement that is none', () => {
      for (const leave of [
        (state: SessionState) => state.onStatement(a),
        (state: SessionState) => state.onChange(),
        (state: SessionState) => state.onError(),
      ]) {
        const state = common(a)
        leave(state)
        state.onStatement(a, 'common')
        expect(state.need(b)).to.equal('hand-over')
        expect(state.need(b, 'begin')).to.equal('hand-over')
        expect(state.need(b, 'common')).to.equal('hand-over')
        expect(state.databaseFor(b, 'common')).to.equal('information_schema')
        expect(state.need(a, 'common'), 'in its own database').to.equal('confirm')
        expect(state.databaseFor(a, 'common')).to.equal('db_a')
        state.onCleaned()
        state.onDatabase('information_schema')
        expect(state.need(b, 'common')).to.equal('nothing')
      }
    })

    it('needs cleaning for its own tenant too if another one has left a trace before', () => {
      for (const leave of [
        (state: SessionState) => state.onStatement(b),
        (state: SessionState) => state.onChange(),
        (state: SessionState) => state.onError(),
      ]) {
        const state = common(a)
        state.onTrace()
        state.onStatement(b, 'common')
        leave(state)
        expect(state.need(b)).to.equal('hand-over')
        expect(state.need(b, 'begin')).to.equal('hand-over')
        expect(state.databaseFor(b, 'own')).to.equal('db_b')
      }
    })

    it('that left a trace needs cleaning for what could find it', () => {
      const state = common(a)
      state.onTrace()
      expect(state.need(b, 'common')).to.equal('nothing')
      expect(state.need(b, 'begin')).to.equal('hand-over')
      expect(state.need(b, 'own')).to.equal('hand-over')
      expect(state.need(a, 'begin'), 'its own').to.equal('nothing')
      expect(state.need(a, 'own')).to.equal('confirm')
    })

    it('that left traces of several tenants is clean for none of them', () => {
      const state = common(a)
      state.onTrace()
      state.onStatement(b, 'common')
      state.onTrace()
      state.onStatement(a, 'common')
      state.onTrace()
      for (const place of [a, b]) expect(state.need(place, 'begin')).to.equal('hand-over')
      state.onCleaned()
      expect(state.need(a)).to.equal('confirm')
    })

    it('holds something while a transaction is open, although it is no tenant’s', () => {
      const state = common(a)
      expect(state.holdsSomething).to.equal(false)
      state.onStatus(0x0003)
      expect(state.holdsSomething).to.equal(true)
    })

    it('is nobody’s once a statement ran astray', () => {
      const state = common(a)
      state.onStray()
      expect(state.need(a, 'common')).to.equal('hand-over')
    })
  })

  it('does not take a name that begins alike for the same', () => {
    expect(usedBy(a).need(placeOf('a', 'db_a1'))).to.equal('hand-over')
  })

  it('knows no database from the moment a switch is sent until it is confirmed', () => {
    const state = usedBy(a)
    state.onSwitchSent()
    expect(state.database).to.equal(undefined)
    expect(state.need(a)).to.equal('confirm')
    state.onDatabase('db_a')
    expect(state.need(a)).to.equal('nothing')
  })

  it('keeps its owner through a switch that did not clean it', () => {
    const state = usedBy(a)
    state.onSwitchSent()
    state.onDatabase('db_b')
    expect(state.need(b)).to.equal('hand-over')
  })

  it('must be confirmed again after an error, which tells of no change', () => {
    const state = usedBy(a)
    state.onError()
    expect(state.need(a)).to.equal('confirm')
    expect(state.leftover()).to.equal('unknown')
  })

  it('must be confirmed again after its database was lost, and stays its owner’s', () => {
    const state = usedBy(a)
    state.onDatabaseLost()
    expect(state.database).to.equal(undefined)
    expect(state.need(a)).to.equal('confirm')
    expect(state.need(b)).to.equal('hand-over')
  })

  it('knows again what is left after an error from the next answer', () => {
    const state = usedBy(a)
    state.onError()
    state.onStatus(0x0003)
    expect(state.leftover()).to.equal('transaction')
    state.onStatus(0x0002)
    expect(state.leftover()).to.equal('nothing')
    expect(state.need(a), 'the answer told nothing of the database').to.equal('confirm')
  })

  it('tells what is left by the bits of the last answer', () => {
    const state = usedBy(a)
    expect(state.leftover()).to.equal('nothing')
    state.onStatus(0x0003)
    expect(state.leftover()).to.equal('transaction')
    state.onStatus(0x0000)
    expect(state.leftover()).to.equal('autocommit off')
    state.onStatus(0x4022)
    expect(state.leftover()).to.equal('nothing')
  })

  it('belongs to nobody once cleaned', () => {
    const state = usedBy(a)
    state.onCleaned()
    expect(state.owner).to.equal(undefined)
    expect(state.need(b)).to.equal('confirm')
  })

  it('is nobody’s, its owner’s neither, once a statement ran astray, until it was cleaned', () => {
    const state = new SessionState()
    state.onStatement(a)
    state.onDatabase(a.database)
    expect(state.need(a)).to.equal('nothing')
    state.onStray()
    expect(state.need(a)).to.equal('hand-over')
    state.onDatabase(a.database)
    expect(state.need(a)).to.equal('hand-over')
    state.onCleaned()
    expect(state.need(a)).to.equal('nothing')
  })
})
