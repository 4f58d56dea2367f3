import { expect } from 'chai'
import { answerPart, learnFrom } from '../../../../src/connection/session/answer-meaning.ts'
import { SessionState } from '../../../../src/connection/session/state.ts'
import type { Command, Packet } from '../../../../src/connection/wire/driver.ts'
import { placeOf } from '../../../support/place.ts'

const STATES = {
  resultsetHeader: () => undefined,
  infileOk: () => undefined,
  fieldsEOF: () => undefined,
  row: () => undefined,
}
const readField = () => undefined

/** A statement that waits for its next packet in one of its states. */
const statement = (next: unknown) => ({ ...STATES, next }) as unknown as Command

/** A command that is no statement, as a Ping or a Prepare. */
const OTHER_COMMAND = { next: undefined } as unknown as Command

/** A packet in the middle of a buffer, as they come. */
function packet(hex: string): Packet {
  const body = Buffer.from(hex.replaceAll(' ', ''), 'hex')
  const buffer = Buffer.concat([Buffer.from('00ff00ff', 'hex'), body, Buffer.from('ff')])
  return {
    buffer,
    offset: 4,
    end: 4 + body.length,
    isEOF: () => body[0] === 0xfe,
    eofWarningCount: () => body.readInt16LE(1),
    eofStatusFlags: () => body.readUInt16LE(3),
  } as Packet
}

const hexOf = (uint16: number) => Buffer.from([uint16 & 0xff, uint16 >> 8]).toString('hex')
const err = (errno: number) => packet(`ff ${hexOf(errno)} 23 3432303030`)
const eof = (status: number, warnings = 0) => packet(`fe ${hexOf(warnings)} ${hexOf(status)}`)
const ok = (status: number, schema = '', warnings = 0) =>
  packet(`00 00 00 ${hexOf(status)} ${hexOf(warnings)} ${schema}`)

const ROW = packet('01 31')
const HEADER = packet('01')
const TO_DB_B = '00 07 01 05 04 64625f62' // names `db_b`
const TO_NOWHERE = '00 03 01 01 00' // names ``
const IDLE = 0x0002
const IN_TRANSACTION = 0x0003
const CHANGED = 0x4000
const MORE = 0x0008

describe('the part of an answer that a packet is', () => {
  it('is an error in every state, of every command', () => {
    const states = [...Object.values(STATES), readField, undefined]
    for (const command of [...states.map(statement), OTHER_COMMAND]) {
      expect(answerPart(command, err(1146))).to.equal('error')
    }
  })

  it('is an OK only where an OK can come', () => {
    expect(answerPart(statement(STATES.resultsetHeader), ok(IDLE))).to.equal('ok')
    expect(answerPart(statement(STATES.infileOk), ok(IDLE))).to.equal('ok')
    expect(answerPart(statement(readField), ok(IDLE))).to.equal('other')
    expect(answerPart(OTHER_COMMAND, ok(IDLE))).to.equal('other')
  })

  it('is nothing where the answer has columns: they come first', () => {
    expect(answerPart(statement(STATES.resultsetHeader), HEADER)).to.equal('other')
    expect(answerPart(statement(readField), HEADER)).to.equal('other')
  })

  it('is a row until the end of the rows, also one that begins as an OK does', () => {
    expect(answerPart(statement(STATES.row), ROW)).to.equal('row')
    expect(answerPart(statement(STATES.row), ok(IDLE))).to.equal('row')
    expect(answerPart(statement(STATES.row), eof(IDLE))).to.equal('rows-end')
  })

  it('is the end of the columns in the state that waits for it', () => {
    expect(answerPart(statement(STATES.fieldsEOF), eof(IDLE))).to.equal('columns-end')
  })

  it('is nothing to a command without these states, whose `next` may be undefined too', () => {
    expect(answerPart(OTHER_COMMAND, eof(IDLE))).to.equal('other')
    expect(answerPart(OTHER_COMMAND, ROW)).to.equal('other')
  })
})

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
    const need = (part: Parameters<typeof learnFrom>[0], received: Packet): string => {
      const state = new SessionState()
      state.onStatement(placeOf('a', 'db_a'), true)
      learn(state, part, received)
      return state.need(placeOf('b', 'db_b'))
    }
    expect(need('ok', ok(IDLE))).to.equal('confirm')
    expect(need('rows-end', eof(IDLE))).to.equal('confirm')
    expect(need('row', ROW)).to.equal('confirm')
    expect(need('ok', ok(CHANGED))).to.equal('hand-over')
    expect(need('ok', ok(IDLE, '', 1))).to.equal('hand-over')
    expect(need('rows-end', eof(CHANGED))).to.equal('hand-over')
    expect(need('rows-end', eof(IDLE, 0xffff))).to.equal('hand-over')
    expect(need('error', err(1146))).to.equal('hand-over')
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
