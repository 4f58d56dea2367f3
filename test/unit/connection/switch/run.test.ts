import { expect } from 'chai'
import { SessionState } from '../../../../src/connection/session/state.ts'
import { SwitchFailure, switchError } from '../../../../src/connection/switch/errors.ts'
import {
  encodeStep,
  PROBE,
  type SwitchStep,
  switchPlan,
} from '../../../../src/connection/switch/plan.ts'
import { SwitchRun, type SwitchTarget } from '../../../../src/connection/switch/run.ts'
import type { Packet, RawConnection } from '../../../../src/connection/wire/driver-types.ts'
import { placeOf } from '../../../support/place.ts'
import { type RejectedError, thrown } from '../../../support/tenants.ts'

const OK = '00 00 00 0200 0000'
const OK_DB_A = '00 00 00 0240 0000 00 06 01 04 03 646261' // confirms `dba`
const OK_DB_B = '00 00 00 0240 0000 00 06 01 04 03 646262' // confirms `dbb`
const UNREADABLE = '00 00 00 0240 0000 ff' // says that the session has changed, and then nonsense
const UNKNOWN_DATABASE = 1049
const DENIED = 1044
const SETUP = { statements: ['SET NAMES utf8mb4'], isPlain: true }

const OK_AND_MORE = '00 00 00 0a00 0000' // announces another result

function packet(hex: string, sequenceId = 1): Packet {
  const buffer = Buffer.from(hex.replaceAll(' ', ''), 'hex')
  return { buffer, offset: 0, end: buffer.length, sequenceId } as Packet
}

function refusal(errno: number, sequenceId = 1): Packet {
  const asError = () => Object.assign(new Error('refused'), { errno, sqlState: '42000' })
  return { ...packet('ff', sequenceId), asError } as unknown as Packet
}

interface RunOptions {
  readonly steps: readonly SwitchStep[]
  readonly compress: boolean
  readonly isTracked: boolean | undefined
  readonly clientFlags: number
  readonly serverFlags: number
  readonly isFollowed: boolean
}

/** A run against a wire that only records, as far as a run sees one. */
function start(need: 'confirm' | 'hand-over', options: Partial<RunOptions> = {}) {
  const written: Buffer[] = []
  const log: string[] = []
  const statement = { close: () => log.push('close') }
  const connection = {
    config: {
      compress: options.compress ?? false,
      clientFlags: options.clientFlags ?? 0,
      charsetNumber: 28,
    },
    serverCapabilityFlags: options.serverFlags ?? 0,
    sequenceId: 7,
    _statements: { size: 1, values: () => [statement], clear: () => log.push('forget') },
    _resetSequenceId: () => log.push('reset sequence'),
    write(bytes: Buffer) {
      log.push('write')
      written.push(bytes)
    },
  }
  const state = new SessionState()
  state.onDatabase('dbb')
  state.onStatement(placeOf('b', 'dbb'))
  const target: SwitchTarget = {
    raw: connection as unknown as RawConnection,
    state,
    charsetNumber: 224,
    isTracked: 'isTracked' in options ? options.isTracked : true,
  }
  const { isFollowed = false } = options
  const steps = options.steps ?? switchPlan(need, SETUP, 'dba', isFollowed)
  const run = new SwitchRun(target, steps, isFollowed)
  run.start()
  const feed = (...answers: (string | Packet)[]) =>
    answers.map((answer) => run.answer(typeof answer === 'string' ? packet(answer) : answer))
  return { feed, written, connection, state, steps, target, log, statement, run }
}

const fails = (fn: () => unknown) => thrown(fn) as RejectedError & { isRecoverable: boolean }

describe('one run of a switch plan', () => {
  it('writes all packets at once, and knows the database after the last answer only', () => {
    const { feed, written, state, connection } = start('hand-over')
    expect(written).to.have.lengthOf(1)
    expect(state.database).to.equal(undefined)
    expect(feed(OK, OK, OK)).to.deep.equal([false, false, false])
    expect(state.database).to.equal(undefined)
    expect(state.owner?.tenant.id).to.equal('b')
    expect(feed(OK_DB_A)).to.deep.equal([true])
    expect(state.database).to.equal('dba')
    expect(state.owner).to.equal(undefined)
    expect(connection.config.charsetNumber).to.equal(224)
  })

  it('writes packet by packet on a compressed connection', () => {
    const { feed, written, steps, connection } = start('hand-over', { compress: true })
    const packets = steps.map((step) => encodeStep(step, false))
    expect(written).to.deep.equal(packets.slice(0, 1))
    for (const count of [2, 3, 4]) {
      feed(OK)
      expect(written).to.deep.equal(packets.slice(0, count))
    }
    feed(OK_DB_A)
    expect(written).to.have.lengthOf(4)
    expect(connection.sequenceId).to.equal(1)
  })

  it('begins each write at packet number 0, and expects each answer to have number 1', () => {
    const { feed, written, steps, connection, log } = start('hand-over')
    expect(log).to.deep.equal(['reset sequence', 'write'])
    expect(connection.sequenceId).to.equal(1)
    connection.sequenceId = 2
    feed(OK)
    expect(connection.sequenceId).to.equal(1)
    feed(OK, OK, OK_DB_A)
    expect(written).to.deep.equal([Buffer.concat(steps.map((step) => encodeStep(step, false)))])
  })

  it('writes SQL with query attributes where both sides have agreed on them', () => {
    const attributes = 0x0800_0000
    for (const [clientFlags, serverFlags, isAgreed] of [
      [attributes, attributes, true],
      [attributes, ~attributes, false],
      [~attributes, attributes, false],
    ] as const) {
      const { written, steps } = start('hand-over', { clientFlags, serverFlags })
      const packets = steps.map((step) => encodeStep(step, isAgreed))
      expect(written).to.deep.equal([Buffer.concat(packets)])
    }
  })

  it('forgets prepared statements with the reset, without a word to the server, and only then', () => {
    const handOver = start('hand-over')
    handOver.feed(OK)
    expect(handOver.log).to.deep.equal(['reset sequence', 'write', 'forget'])
    handOver.statement.close()
    handOver.feed(OK, OK_DB_A)
    expect(handOver.log).to.deep.equal(['reset sequence', 'write', 'forget'])
    const confirm = start('confirm')
    confirm.feed(OK_DB_A)
    expect(confirm.log).to.deep.equal(['reset sequence', 'write'])
  })

  it('leaves the session its owner’s, with its character set, where it was not reset', () => {
    const { feed, state, connection } = start('confirm')
    feed(OK_DB_A)
    expect(state.database).to.equal('dba')
    expect(state.owner?.tenant.id).to.equal('b')
    expect(connection.config.charsetNumber).to.equal(28)
  })

  it('learns from every answer what the session has open', () => {
    const { feed, state } = start('confirm')
    feed(OK_DB_A.replace('0240', '0340'))
    expect(state.leftover()).to.equal('transaction')
  })

  it('asks by a ping alone without forgetting the database', () => {
    const ping = start('confirm', { steps: PROBE })
    expect(ping.state.database).to.equal('dbb')
    expect(ping.feed(OK)).to.deep.equal([true])
    expect(ping.state.database).to.equal('dbb')
    const steps = [...PROBE, { kind: 'database', database: 'dba' }] as const
    expect(start('confirm', { steps }).state.database).to.equal(undefined)
  })

  it('finds out by the first OK whether the server names databases', () => {
    const tracked = start('confirm', { isTracked: undefined })
    tracked.feed(OK_DB_A)
    expect(tracked.target.isTracked).to.equal(true)
    const untracked = start('confirm', { isTracked: undefined })
    untracked.feed(OK)
    expect(untracked.target.isTracked).to.equal(false)
    expect(untracked.state.database).to.equal('dba')
    const wrong = start('confirm', { isTracked: undefined })
    expect(fails(() => wrong.feed(OK_DB_B))).to.have.property('isRecoverable', false)
  })

  it('does not read what follows an OK of a server that does not name databases', () => {
    const { feed, state } = start('confirm', { isTracked: false })
    expect(feed(UNREADABLE)).to.deep.equal([true])
    expect(state.database).to.equal('dba')
  })

  it('does not believe an OK that confirms another database, or none', () => {
    for (const answer of [OK_DB_B, OK]) {
      const { feed, state } = start('hand-over')
      const error = fails(() => feed(OK, OK, OK, answer))
      expect(error).to.have.property('isRecoverable', false)
      expect(state.database).to.equal(undefined)
    }
  })

  it('cannot go on after a refused reset or SET, nor after an answer with rows', () => {
    for (const answers of [
      [refusal(1044)],
      [OK, refusal(UNKNOWN_DATABASE)],
      [OK, OK, refusal(UNKNOWN_DATABASE)],
      [OK, '01'],
    ]) {
      const { feed, state } = start('hand-over')
      expect(fails(() => feed(...answers))).to.have.property('isRecoverable', false)
      expect(state.owner?.tenant.id, 'still the other tenant’s session').to.equal('b')
    }
  })

  it('can go on where the database alone was refused: the session is clean, the place unknown', () => {
    for (const errno of [UNKNOWN_DATABASE, DENIED]) {
      const { feed, state, connection } = start('hand-over')
      const error = fails(() => feed(OK, OK, OK, refusal(errno)))
      expect(error).to.have.property('isRecoverable', true)
      expect(state.owner).to.equal(undefined)
      expect(state.database).to.equal(undefined)
      expect(connection.config.charsetNumber).to.equal(224)
    }
  })

  it('takes neither an OK that announces more, nor one out of its turn, for the answer to a step', () => {
    for (const answer of [OK_AND_MORE, packet(OK, 2)]) {
      const { feed, state } = start('hand-over')
      const error = fails(() => feed(OK, OK, answer))
      expect(error).to.include({ isRecoverable: false, endsConnection: true })
      expect(error.message).to.contain('more than one OK')
      expect(state.database).to.equal(undefined)
      const followed = start('hand-over', { isFollowed: true })
      expect(fails(() => followed.feed(refusal(1064), answer))).to.equal(followed.run.failure)
    }
    const last = start('confirm')
    expect(fails(() => last.feed(refusal(DENIED, 2)))).to.include({ isRecoverable: false })
  })

  describe('that a statement follows', () => {
    it('leads over the neutral database, which it does not take for the tenant’s', () => {
      const { feed, state, run } = start('confirm', { isFollowed: true })
      expect(feed(OK)).to.deep.equal([false])
      expect(state.database).to.equal(undefined)
      expect(feed(OK_DB_A)).to.deep.equal([true])
      expect(state.database).to.equal('dba')
      expect(run.failure).to.equal(undefined)
    })

    it('is read to its end where a step is refused, and knows nothing of the session then', () => {
      for (const at of [0, 1, 2]) {
        const { feed, state, run } = start('hand-over', { isFollowed: true })
        const answers = [OK, OK, OK, OK_DB_A].map((ok, index) =>
          index === at ? refusal(UNKNOWN_DATABASE) : ok,
        )
        expect(feed(...answers)).to.deep.equal([false, false, false, true])
        expect(run.failure).to.include({ isRecoverable: false })
        expect(state.database).to.equal(undefined)
        expect(state.owner?.tenant.id).to.equal('b')
      }
    })

    it('can go on where the tenant’s database alone was refused', () => {
      const { feed, state, run } = start('hand-over', { isFollowed: true })
      expect(feed(OK, OK, OK, refusal(DENIED))).to.deep.equal([false, false, false, true])
      expect(run.failure).to.include({ isRecoverable: true })
      expect(state.database).to.equal(undefined)
      expect(state.owner).to.equal(undefined)
    })

    it('cannot be read to its end where rows come in between', () => {
      const { feed, run } = start('hand-over', { isFollowed: true })
      feed(refusal(1064))
      expect(fails(() => feed('01'))).to.equal(run.failure)
    })
  })

  it('can not go on where the database was refused for any other reason', () => {
    const { feed } = start('confirm')
    expect(fails(() => feed(refusal(1317)))).to.have.property('isRecoverable', false)
  })
})

describe('what a user sees of a failed switch', () => {
  const place = placeOf('a', 'dba')
  const shown = (failure: unknown) => switchError(failure as SwitchFailure, place, 5)
  const where = 'tenant "a" (database "dba")'

  const failures: [string, (Packet | string)[], string, string][] = [
    [
      'the database is missing',
      [OK, OK, OK, refusal(UNKNOWN_DATABASE)],
      'ERR_TENANT_DATABASE_MISSING',
      `The database of ${where} does not exist. Create it, or check the tenant's id.`,
    ],
    [
      'the account has no right to it',
      [OK, OK, OK, refusal(DENIED)],
      'ERR_TENANT_DATABASE_DENIED',
      `The server denies access to the database of ${where}. Grant the account its rights.`,
    ],
    [
      'a `session` statement was refused',
      [OK, OK, refusal(1193)],
      'ERR_SESSION_SETUP_FAILED',
      `Setting up the session for ${where} failed at a SET statement: the server refused it. ` +
        'Each `session` statement must be answered by one OK.',
    ],
    [
      'a `session` statement gave rows',
      [OK, OK, '01'],
      'ERR_SESSION_SETUP_FAILED',
      `Setting up the session for ${where} failed at a SET statement: it was answered by more ` +
        'than one OK. Each `session` statement must be answered by one OK.',
    ],
    [
      'the reset was refused',
      [refusal(UNKNOWN_DATABASE)],
      'ERR_SWITCH_FAILED',
      `Switching to ${where} failed at the reset step: the server refused it. ` +
        'The connection was closed.',
    ],
    [
      'another database was confirmed',
      [OK, OK, OK, OK_DB_B],
      'ERR_SWITCH_FAILED',
      `Switching to ${where} failed at the database step: the server confirmed "dbb". ` +
        'The connection was closed.',
    ],
  ]
  for (const [title, answers, code, message] of failures) {
    it(`where ${title}`, () => {
      const { feed } = start('hand-over')
      const failure = fails(() => feed(...answers))
      const error = shown(failure)
      expect(error).to.include({
        code,
        message,
        tenant: 'a',
        database: 'dba',
        connectionId: 5,
        outcome: 'not-sent',
      })
      expect(error.cause).to.equal(failure.cause ?? failure)
    })
  }

  it('has the server’s own error as its cause, where there is one', () => {
    const { feed } = start('hand-over')
    const failure = fails(() => feed(refusal(1317)))
    expect(shown(failure).cause).to.include({ errno: 1317 })
  })

  it('where there is no tenant yet', () => {
    const failure = new SwitchFailure({ kind: 'reset' }, 'why', false)
    expect(switchError(failure, undefined, 5).message).to.contain('Switching to a new connection')
  })
})
