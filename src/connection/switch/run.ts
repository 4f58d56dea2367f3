import {
  type Outcome,
  serverErrno,
  TenantKnexError,
  type TenantKnexErrorCode,
} from '../../base/errors.ts'
import { aboutPlace, type Place } from '../../tenants/place.ts'
import type { SessionState } from '../session/state.ts'
import { forgetStatements, type Packet, type RawConnection } from '../wire/driver.ts'
import { CAPABILITY, isErr, isOk, type OkStatus, readOk, STATUS } from '../wire/packets.ts'
import { encodeStep, type SwitchStep } from './plan.ts'

const ER_DBACCESS_DENIED = 1044
const ER_BAD_DB = 1049

/** Each packet of a plan is a command of its own, so its answer has this number. */
const FIRST = 1

/** The connection that a plan runs on, and what is known of it. */
export interface SwitchTarget {
  readonly connection: RawConnection
  readonly state: SessionState
  /** The character set to return to, by mysql2's number. */
  readonly charsetNumber: number
  /** True where the server names the new database in its answer; undefined: not known yet. */
  isTracked: boolean | undefined
}

/** A switch that did not succeed. */
export class SwitchFailure extends Error {
  readonly step: SwitchStep
  /** True if the server refused the database and nothing else. */
  readonly isRecoverable: boolean
  /** True if the connection must be closed. */
  endsConnection: boolean

  constructor(step: SwitchStep, problem: string, isRecoverable: boolean, cause?: unknown) {
    super(problem, { cause })
    this.step = step
    this.isRecoverable = isRecoverable
    this.endsConnection = !isRecoverable
  }
}

/**
 * One run of a plan on a connection. It owns the connection's wire from `start` until the last
 * answer: as the prologue of a user's command, or as a command of its own.
 */
export class SwitchRun {
  readonly #target: SwitchTarget
  readonly #steps: readonly SwitchStep[]
  readonly #isFollowed: boolean
  #answered = 0
  #failure: SwitchFailure | undefined

  /**
   * @param isFollowed true where a statement leaves in the same write: its answer comes after all of
   * the plan's, also where one of those is a refusal
   */
  constructor(target: SwitchTarget, steps: readonly SwitchStep[], isFollowed = false) {
    this.#target = target
    this.#steps = steps
    this.#isFollowed = isFollowed
  }

  /** Why it failed, where a statement has followed it; else `answer` throws that. */
  get failure(): SwitchFailure | undefined {
    return this.#failure
  }

  /** Sends the plan in one write; step by step on a compressed connection, where one write hangs. */
  start(): void {
    const { connection, state } = this.#target
    if (this.#steps.some(({ kind }) => kind !== 'ping')) state.onSwitching()
    this.#send(connection.config.compress ? this.#steps.slice(0, 1) : this.#steps)
  }

  /**
   * Takes the next answer.
   *
   * @returns true after the last one
   * @throws SwitchFailure
   */
  answer(packet: Packet): boolean {
    const { connection, isTracked } = this.#target
    const step = this.#steps[this.#answered] as SwitchStep
    const ok = isOk(packet) ? readOk(packet, isTracked !== false) : undefined
    if (!isWhole(packet, ok)) throw this.#failure ?? notOneOk(step)
    if (this.#failure === undefined) this.#check(step, packet, ok)
    this.#answered++
    if (this.#answered === this.#steps.length) return true
    if (connection.config.compress)
      this.#send(this.#steps.slice(this.#answered, this.#answered + 1))
    connection.sequenceId = FIRST
    return false
  }

  #send(steps: readonly SwitchStep[]): void {
    const { connection } = this.#target
    const flags = connection.config.clientFlags & connection.serverCapabilityFlags
    const withAttributes = (flags & CAPABILITY.queryAttributes) !== 0
    connection._resetSequenceId()
    connection.write(Buffer.concat(steps.map((step) => encodeStep(step, withAttributes))))
    connection.sequenceId = FIRST
  }

  #check(step: SwitchStep, packet: Packet, ok: OkStatus | undefined): void {
    const { connection, state } = this.#target
    if (ok === undefined) {
      const failure = this.#refused(step, packet)
      if (!this.#isFollowed) throw failure
      this.#failure = failure
      return
    }
    state.onStatus(ok.status)
    if (step.kind === 'reset') forgetStatements(connection)
    if (step === this.#steps.at(-1) && step.kind === 'database') this.#confirm(step, ok.database)
  }

  /** The last step. All before it were answered by OK, so the session is as it was set up. */
  #confirm(step: SwitchStep & { kind: 'database' }, confirmed: string | undefined): void {
    const target = this.#target
    this.#settle()
    target.isTracked ??= confirmed !== undefined
    if (target.isTracked && confirmed !== step.database) {
      throw new SwitchFailure(step, `the server confirmed ${JSON.stringify(confirmed)}`, false)
    }
    target.state.onDatabase(step.database)
  }

  #settle(): void {
    const { connection, state, charsetNumber } = this.#target
    if (!this.#steps.some(({ kind }) => kind === 'reset')) return
    // User code's SET NAMES changed this; a reset undid it at the server only.
    connection.config.charsetNumber = charsetNumber
    state.onCleaned()
  }

  #refused(step: SwitchStep, packet: Packet): SwitchFailure {
    const error = packet.asError(this.#target.connection.clientEncoding)
    const errno = serverErrno(error)
    const isDatabase = step === this.#steps.at(-1) && step.kind === 'database'
    const isRefusal = errno === ER_BAD_DB || errno === ER_DBACCESS_DENIED
    const isRecoverable = isDatabase && isRefusal && packet.sequenceId === FIRST
    if (isRecoverable) this.#settle()
    return new SwitchFailure(step, 'the server refused it', isRecoverable, error)
  }
}

/**
 * True for the one packet that answers a step. If it is another, the answers cannot be counted: one of
 * them would be taken for the next command's.
 */
function isWhole(packet: Packet, ok: OkStatus | undefined): boolean {
  if (ok === undefined) return isErr(packet)
  return packet.sequenceId === FIRST && (ok.status & STATUS.moreResults) === 0
}

function notOneOk(step: SwitchStep): SwitchFailure {
  return new SwitchFailure(step, 'it was answered by more than one OK', false)
}

/**
 * The error that a user sees where the switch before their statement failed.
 *
 * @param outcome what became of the statement
 */
export function switchError(
  failure: SwitchFailure,
  place: Place | undefined,
  connectionId: number,
  outcome: Outcome = 'not-sent',
): TenantKnexError {
  const message = failureMessage(failure, place) + fate(failure, outcome) + closing(failure)
  return new TenantKnexError(failureCode(failure), message, {
    ...aboutPlace(place),
    connectionId,
    outcome,
    cause: failure.cause ?? failure,
  })
}

/** What became of a statement that has left with its switch. */
function fate({ isRecoverable }: SwitchFailure, outcome: Outcome): string {
  switch (outcome) {
    case 'not-sent':
      return ''
    case 'failed':
      return ' The statement left with the switch, and was answered with an error too.'
    case 'executed':
      return isRecoverable
        ? ' The statement left with the switch and has run, in no database but those it names itself.'
        : ' The statement left with the switch and has run; its result is withheld.'
    case 'unknown':
      return ' The statement left with the switch; what became of it is not known.'
  }
}

/** What the failure of a switch ends, if its own message does not say so. */
function closing({ isRecoverable, endsConnection }: SwitchFailure): string {
  if (!isRecoverable || !endsConnection) return ''
  return ' The connection was closed, and the server rolls back a transaction that was open on it.'
}

function failureCode({ step, isRecoverable, cause }: SwitchFailure): TenantKnexErrorCode {
  if (step.kind === 'set') return 'ERR_SESSION_SETUP_FAILED'
  if (!isRecoverable) return 'ERR_SWITCH_FAILED'
  return serverErrno(cause) === ER_BAD_DB
    ? 'ERR_TENANT_DATABASE_MISSING'
    : 'ERR_TENANT_DATABASE_DENIED'
}

function failureMessage(failure: SwitchFailure, place: Place | undefined): string {
  const { step, message } = failure
  const whose = place
    ? `tenant ${JSON.stringify(place.tenant.id)} (database ${JSON.stringify(place.database)})`
    : 'a new connection'
  switch (failureCode(failure)) {
    case 'ERR_TENANT_DATABASE_MISSING':
      return `The database of ${whose} does not exist. Create it, or check the tenant's id.`
    case 'ERR_TENANT_DATABASE_DENIED':
      return `The server denies access to the database of ${whose}. Grant the account its rights.`
    case 'ERR_SESSION_SETUP_FAILED':
      return `Setting up the session for ${whose} failed at ${describe(step)}: ${message}. Each \`session\` statement must be answered by one OK.`
    default:
      return `Switching to ${whose} failed at ${describe(step)}: ${message}. The connection was closed.`
  }
}

/** Names a step. The user's own statements are not quoted: they may hold what no log should. */
function describe(step: SwitchStep): string {
  return step.kind === 'set' ? `a SET statement` : `the ${step.kind} step`
}
