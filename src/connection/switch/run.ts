import { serverErrno } from '../../base/errors.ts'
import type { SessionState } from '../session/state.ts'
import {
  errorIn,
  expectAnswer,
  FIRST,
  forgetStatements,
  isCompressed,
  sendPackets,
  setCharsetNumber,
  takesQueryAttributes,
} from '../wire/driver.ts'
import type { Packet, RawConnection, WireCommand } from '../wire/driver-types.ts'
import { isErr, isOk, type OkStatus, readOk, STATUS } from '../wire/packets.ts'
import { ER_BAD_DB, ER_DBACCESS_DENIED, SwitchFailure } from './errors.ts'
import { encodeStep, type SwitchStep } from './plan.ts'

/** The connection that a plan runs on. */
export interface SwitchTarget {
  readonly raw: RawConnection
  readonly state: SessionState
  /** The character set to return to, by mysql2's number. */
  readonly charsetNumber: number
  /** True if the server names the new database in its answer; undefined: not known yet. */
  isTracked: boolean | undefined
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
   * @param isFollowed true if a statement leaves in the same write. Its answer comes after all answers
   * to the plan, even if one of those is a refusal
   */
  constructor(target: SwitchTarget, steps: readonly SwitchStep[], isFollowed = false) {
    this.#target = target
    this.#steps = steps
    this.#isFollowed = isFollowed
  }

  /** Why the plan failed, if a statement has followed it. If not, `answer` throws the failure. */
  get failure(): SwitchFailure | undefined {
    return this.#failure
  }

  /** Sends the plan in one write. On a compressed connection one write hangs, so it goes step by step. */
  start(): void {
    const { raw, state } = this.#target
    if (this.#steps.some(({ kind }) => kind !== 'ping')) state.onSwitchSent()
    this.#send(isCompressed(raw) ? this.#steps.slice(0, 1) : this.#steps)
  }

  /**
   * Takes the next answer.
   *
   * @returns true after the last one
   * @throws SwitchFailure
   */
  answer(packet: Packet): boolean {
    const { raw, isTracked } = this.#target
    const step = this.#steps[this.#answered] as SwitchStep
    const ok = isOk(packet) ? readOk(packet, isTracked !== false) : undefined
    if (!isWhole(packet, ok)) throw this.#failure ?? notOneOk(step)
    if (this.#failure === undefined) this.#check(step, packet, ok)
    this.#answered++
    if (this.#answered === this.#steps.length) return true
    if (isCompressed(raw)) this.#send(this.#steps.slice(this.#answered, this.#answered + 1))
    expectAnswer(raw, FIRST)
    return false
  }

  #send(steps: readonly SwitchStep[]): void {
    const { raw } = this.#target
    const withAttributes = takesQueryAttributes(raw)
    sendPackets(raw, Buffer.concat(steps.map((step) => encodeStep(step, withAttributes))))
  }

  #check(step: SwitchStep, packet: Packet, ok: OkStatus | undefined): void {
    const { raw, state } = this.#target
    if (ok === undefined) {
      const failure = this.#refused(step, packet)
      if (!this.#isFollowed) throw failure
      this.#failure = failure
      return
    }
    state.onStatus(ok.status)
    if (step.kind === 'reset') forgetStatements(raw)
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
    const { raw, state, charsetNumber } = this.#target
    if (!this.#steps.some(({ kind }) => kind === 'reset')) return
    // User code's SET NAMES changed this; a reset undid it at the server only.
    setCharsetNumber(raw, charsetNumber)
    state.onCleaned()
  }

  #refused(step: SwitchStep, packet: Packet): SwitchFailure {
    const error = errorIn(packet, this.#target.raw)
    const errno = serverErrno(error)
    const isDatabase = step === this.#steps.at(-1) && step.kind === 'database'
    const isRefusal = errno === ER_BAD_DB || errno === ER_DBACCESS_DENIED
    const isRecoverable = isDatabase && isRefusal && packet.sequenceId === FIRST
    if (isRecoverable) this.#settle()
    return new SwitchFailure(step, 'the server refused it', isRecoverable, error)
  }
}

/**
 * True for the one packet that answers a step. After any other packet the answers cannot be counted: one
 * of them would be taken for the next command's.
 */
function isWhole(packet: Packet, ok: OkStatus | undefined): boolean {
  if (ok === undefined) return isErr(packet)
  return packet.sequenceId === FIRST && (ok.status & STATUS.moreResults) === 0
}

function notOneOk(step: SwitchStep): SwitchFailure {
  return new SwitchFailure(step, 'it was answered by more than one OK', false)
}

/**
 * A plan as a command of mysql2's. A failure after which the connection cannot go on is thrown, so
 * that mysql2 ends the connection.
 */
export function planCommand(run: SwitchRun, onResult: (error: Error | null) => void): WireCommand {
  return {
    onResult,
    stateName: () => 'switch', // for mysql2's own log of what it does
    execute(packet) {
      if (packet === undefined) {
        run.start()
        return false
      }
      try {
        if (!run.answer(packet)) return false
        onResult(null)
      } catch (error) {
        if (!(error instanceof SwitchFailure && error.isRecoverable)) throw error
        onResult(error)
      }
      return true
    },
  }
}
