import { expect } from 'chai'
import { answerPart } from '../../../../src/connection/wire/answer-part.ts'
import type { Command } from '../../../../src/connection/wire/driver-types.ts'
import { eof, err, ok, packet } from '../support/answer-packets.ts'

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

const ROW = packet('01 31')
const HEADER = packet('01')
const IDLE = 0x0002

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
