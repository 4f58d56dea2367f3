import { expect } from 'chai'
import { learnFrom } from '../../../../src/connection/session/answer-meaning.ts'
import { SessionState } from '../../../../src/connection/session/state.ts'
import type { Packet } from '../../../../src/connection/wire/driver-types.ts'
import { placeOf } from '../../../support/place.ts'
import { eof, err, ok, packet } from '../support/answer-packets.ts'

const ROW = packet('01 31')
const TO_DB_B = '00 07 01 05 04 64625f62' // names `db_b`
const TO_NOWHERE = '00 03 01 01 00' // names ``
const IDLE = 0x0002
const IN_TRANSACTION = 0x0003
const CHANGED = 0x4000
const MORE = 0x0008

/** A session of a tenant's, in its database, with nothing open. */
function used(): SessionState {
  const state = new SessionState()
  state.onDatabase('db_a')
  state.onStatement(placeOf('a', 'db_a'))
  return state
}

describe('what an answer means', () => {
  const learn = (
    state: SessionState,
    part: Parameters<typeof learnFrom>[0],
    received: Packet,
    { isTracked = true, hasCallback = true } = {},
  ) => learnFrom(part, received, state, isTracked, hasCallback)

  it('an error makes database and transaction unknown', () => {
    const state = used()
    expect(learn(state, 'error', err(1146))).to.equal('nothing')
    expect(state.database).to.equal(undefined)
    expect(state.leftover()).to.equal('unknown')
  })

  it('1290 and 1836 say that the server is read-only, their neighbours do not', () => {
    for (const errno of [1290, 1836]) {
      const state = used()
      expect(learn(state, 'error', err(errno)), `${errno}`).to.equal('read-only')
      expect(state.database).to.equal(undefined)
    }
    for (const errno of [1289, 1291, 1835, 1837]) {
      expect(learn(used(), 'error', err(errno)), `${errno}`).to.equal('nothing')
    }
  })

  it('an OK tells what is open, and nothing more where it names no database', () => {
    const state = used()
    expect(learn(state, 'ok', ok(IN_TRANSACTION))).to.equal('nothing')
    expect(state.leftover()).to.equal('transaction')
    expect(state.database).to.equal('db_a')
    expect(learn(state, 'ok', ok(IDLE))).to.equal('nothing')
    expect(state.leftover()).to.equal('nothing')
  })

  it('an OK that names a database says that the statement left its own', () => {
    for (const hasCallback of [true, false]) {
      const state = used()
      const received = ok(CHANGED | IN_TRANSACTION, TO_DB_B)
      expect(learn(state, 'ok', received, { hasCallback })).to.equal('left')
      expect(state.database).to.equal(undefined)
      expect(state.leftover()).to.equal('transaction')
    }
  })

  it('an OK that names its own database does too: it may have come back', () => {
    const received = ok(CHANGED, '00 07 01 05 04 64625f61')
    expect(learn(used(), 'ok', received)).to.equal('left')
  })

  it('an OK that names none says that the database is gone', () => {
    const state = used()
    expect(learn(state, 'ok', ok(CHANGED | IDLE, TO_NOWHERE))).to.equal('nothing')
    expect(state.database).to.equal(undefined)
    expect(state.leftover()).to.equal('nothing')
  })

  it('what follows an OK is not read where the server was not found to name databases', () => {
    const state = used()
    expect(learn(state, 'ok', ok(CHANGED | IDLE, TO_DB_B), { isTracked: false })).to.equal(
      'nothing',
    )
    expect(state.database).to.equal('db_a')
  })

  it('the end of the rows tells what is open', () => {
    const state = used()
    expect(learn(state, 'rows-end', eof(IN_TRANSACTION))).to.equal('nothing')
    expect(state.leftover()).to.equal('transaction')
    expect(state.database).to.equal('db_a')
  })

  it('what an answer tells of is a trace for the next tenant: a change, warnings, an error', () => {
    const needs = (part: Parameters<typeof learnFrom>[0], received: Packet): string[] => {
      const state = new SessionState()
      state.onDatabase('information_schema')
      state.onStatement(placeOf('a', 'db_a'), 'common')
      learn(state, part, received)
      const b = placeOf('b', 'db_b')
      return [state.need(b, 'own'), state.need(b, 'begin'), state.need(b, 'common')]
    }
    const nothing = ['confirm', 'nothing', 'nothing']
    const trace = ['hand-over', 'hand-over', 'nothing']
    const change = ['hand-over', 'hand-over', 'hand-over']
    expect(needs('ok', ok(IDLE))).to.deep.equal(nothing)
    expect(needs('rows-end', eof(IDLE))).to.deep.equal(nothing)
    expect(needs('row', ROW)).to.deep.equal(nothing)
    expect(needs('ok', ok(CHANGED))).to.deep.equal(change)
    expect(needs('ok', ok(IDLE, '', 1))).to.deep.equal(trace)
    expect(needs('rows-end', eof(CHANGED))).to.deep.equal(change)
    expect(needs('rows-end', eof(IDLE, 0xffff))).to.deep.equal(trace)
    expect(needs('error', err(1146))).to.deep.equal(change)
  })

  it('the end of the columns warns a stream where both marks are there, and not one of them', () => {
    const warned = (status: number, hasCallback = false) =>
      learn(used(), 'columns-end', eof(status), { hasCallback })
    expect(warned(CHANGED | MORE)).to.equal('left')
    expect(warned(CHANGED | MORE | IDLE)).to.equal('left')
    expect(warned(CHANGED | IDLE)).to.equal('nothing')
    expect(warned(MORE | IDLE)).to.equal('nothing')
    expect(warned(IDLE)).to.equal('nothing')
    expect(warned(CHANGED | MORE, true), 'a callback gets nothing before the OK').to.equal(
      'nothing',
    )
  })

  it('the end of the columns tells nothing of transactions', () => {
    const state = used()
    learn(state, 'columns-end', eof(IN_TRANSACTION))
    expect(state.leftover()).to.equal('nothing')
  })

  it('rows and the rest tell nothing', () => {
    for (const part of ['row', 'other'] as const) {
      const state = used()
      expect(learn(state, part, eof(CHANGED | MORE), { hasCallback: false })).to.equal('nothing')
      expect(state.database).to.equal('db_a')
      expect(state.leftover()).to.equal('nothing')
    }
  })
})
