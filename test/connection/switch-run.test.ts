import { expect } from 'chai'
import type { Packet, RawConnection } from '../../src/connection/driver.ts'
import { SessionState } from '../../src/connection/session-state.ts'
import { switchPlan } from '../../src/connection/switch-plan.ts'
import { SwitchRun, type SwitchTarget } from '../../src/connection/switch-run.ts'
import { type RejectedError, thrown } from '../support/tenants.ts'

const OK = '00 00 00 0200 0000'
const OK_DB_A = '00 00 00 0240 0000 00 06 01 04 03 646261' // confirms `dba`
const OK_DB_B = '00 00 00 0240 0000 00 06 01 04 03 646262' // confirms `dbb`
const UNKNOWN_DATABASE = 1049
const SETUP = { names: 'SET NAMES utf8mb4', role: undefined, session: [] }

function packet(hex: string): Packet {
  const buffer = Buffer.from(hex.replaceAll(' ', ''), 'hex')
  return { buffer, offset: 0, end: buffer.length } as Packet
}

function refusal(errno: number): Packet {
  const asError = () => Object.assign(new Error('refused'), { errno, sqlState: '42000' })
  return { ...packet('ff'), asError } as unknown as Packet
}

/** A run against a wire that only records, as far as a run sees one. */
function start(need: 'confirm' | 'hand-over', compress = false) {
  const written: Buffer[] = []
  const connection = {
    config: { compress, clientFlags: 0, charsetNumber: 28 },
    serverCapabilityFlags: 0,
    sequenceId: 0,
    _statements: { size: 0 },
    _resetSequenceId: () => undefined,
    write: (bytes: Buffer) => written.push(bytes),
  }
  const state = new SessionState()
  state.onDatabase('dbb')
  state.onStatement({ id: 'b', database: 'dbb' })
  const target: SwitchTarget = {
    connection: connection as unknown as RawConnection,
    state,
    charsetNumber: 224,
    isTracked: true,
  }
  const run = new SwitchRun(target, switchPlan(need, SETUP, 'dba'))
  run.start()
  const feed = (...answers: (string | Packet)[]) =>
    answers.map((answer) => run.answer(typeof answer === 'string' ? packet(answer) : answer))
  return { feed, written, connection, state }
}

const fails = (fn: () => unknown) => thrown(fn) as RejectedError & { isRecoverable: boolean }

describe('one run of a switch plan', () => {
  it('writes all packets at once, and knows the database after the last answer only', () => {
    const { feed, written, state, connection } = start('hand-over')
    expect(written).to.have.lengthOf(1)
    expect(state.database).to.equal(undefined)
    expect(feed(OK, OK)).to.deep.equal([false, false])
    expect(state.database).to.equal(undefined)
    expect(state.owner?.id).to.equal('b')
    expect(feed(OK_DB_A)).to.deep.equal([true])
    expect(state.database).to.equal('dba')
    expect(state.owner).to.equal(undefined)
    expect(connection.config.charsetNumber).to.equal(224)
  })

  it('writes packet by packet on a compressed connection', () => {
    const { feed, written } = start('hand-over', true)
    expect(written).to.have.lengthOf(1)
    feed(OK)
    expect(written).to.have.lengthOf(2)
    feed(OK)
    expect(written).to.have.lengthOf(3)
  })

  it('does not believe an OK that confirms another database, or none', () => {
    for (const answer of [OK_DB_B, OK]) {
      const { feed, state } = start('hand-over')
      const error = fails(() => feed(OK, OK, answer))
      expect(error).to.have.property('isRecoverable', false)
      expect(state.database).to.equal(undefined)
    }
  })

  it('cannot go on after a refused reset or SET, nor after an answer with rows', () => {
    for (const answers of [[refusal(1044)], [OK, refusal(UNKNOWN_DATABASE)], [OK, '01']]) {
      const { feed, state } = start('hand-over')
      expect(fails(() => feed(...answers))).to.have.property('isRecoverable', false)
      expect(state.owner?.id, 'still the other tenant’s session').to.equal('b')
    }
  })

  it('can go on where the database alone was refused: the session is clean, the place unknown', () => {
    const { feed, state } = start('hand-over')
    const error = fails(() => feed(OK, OK, refusal(UNKNOWN_DATABASE)))
    expect(error).to.have.property('isRecoverable', true)
    expect(state.owner).to.equal(undefined)
    expect(state.database).to.equal(undefined)
  })

  it('can not go on where the database was refused for any other reason', () => {
    const { feed } = start('confirm')
    expect(fails(() => feed(refusal(1317)))).to.have.property('isRecoverable', false)
  })
})
