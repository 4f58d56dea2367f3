import { CHANNELS, type DiscardReason } from '../../base/diagnostics.ts'
import type { Outcome, TenantKnexError } from '../../base/errors.ts'
import type { Place } from '../../tenants/place.ts'
import { isReadOnly } from '../session/answer-meaning.ts'
import type { SessionSetup } from '../session/setup.ts'
import { NEUTRAL_DATABASE, type Need } from '../session/state.ts'
import {
  beginCommand,
  expectAnswer,
  expectedSequenceId,
  FIRST,
  setCharsetNumber,
} from '../wire/driver.ts'
import type { Packet } from '../wire/driver-types.ts'
import { errnoOf, isErr } from '../wire/packets.ts'
import { SkippedAnswer } from '../wire/skipped-answer.ts'
import { SwitchFailure, switchError } from './errors.ts'
import { switchPlan } from './plan.ts'
import { SwitchRun, type SwitchTarget } from './run.ts'
import type { SwitchTimeLimit } from './time-limit.ts'

/** The connection that a prologue switches. */
export interface PrologueTarget extends SwitchTarget {
  readonly connectionId: number
  readonly setup: SessionSetup
  readonly settings: {
    /** Name of the tenantKnex, for diagnostics. */
    readonly name: string
    /** When a place was last confirmed, on any connection, by this process's clock. */
    readonly confirmedAt: WeakMap<Place, number>
  }
  readonly switchTimeLimit: SwitchTimeLimit
  markUnusable(reason: DiscardReason): void
}

/** A prologue that has failed, and with it its command. */
export interface FailedPrologue {
  /** The error for the command's caller. */
  readonly error: TenantKnexError
  /** True if the connection must not be used again. */
  readonly endsConnection: boolean
}

/**
 * A switch that goes before a tenant's command. For mysql2 it is a part of that command. The command
 * leaves after the switch has been confirmed (a round trip), or in one write with it (pipelined).
 */
export class Prologue {
  /** True if the command leaves in the same write. */
  readonly isPipelined: boolean
  readonly #target: PrologueTarget
  readonly #place: Place
  /** The database to select: the tenant's or the neutral one. */
  readonly #database: string
  readonly #need: Exclude<Need, 'nothing'>
  /** The tenant whose session is being cleaned; undefined if it needs no cleaning. */
  readonly #from: Place | undefined
  /** True if it does not reset the session, and the session is its tenant's or in a transaction. */
  readonly #keepsSession: boolean
  /** By the process's clock in milliseconds; 0 if nothing subscribes to the diagnostics. */
  readonly #startedAt: number = CHANNELS.switch.hasSubscribers ? performance.now() : 0
  readonly #run: SwitchRun
  /** Of a pipelined command: the number that mysql2 expects its answer to begin with. */
  #commandSequenceId = 0
  /** Of a pipelined command behind a failed switch: its answer, which has to be read. */
  #skipped: SkippedAnswer | undefined

  constructor(
    target: PrologueTarget,
    need: Exclude<Need, 'nothing'>,
    place: Place,
    database: string,
    isPipelined: boolean,
  ) {
    const { state, setup } = target
    this.#target = target
    this.#place = place
    this.#database = database
    this.#need = need
    this.#from = need === 'hand-over' ? state.owner : undefined
    this.#keepsSession = need === 'confirm' && state.holdsSomething
    this.isPipelined = isPipelined
    const isNeutral = database === NEUTRAL_DATABASE || state.database === NEUTRAL_DATABASE
    const plan = switchPlan(need, setup, database, isPipelined && !isNeutral)
    this.#run = new SwitchRun(target, plan, isPipelined)
  }

  /** Sends the switch. */
  start(): void {
    const outcome = this.isPipelined ? 'unknown' : 'not-sent'
    this.#target.switchTimeLimit.start(this.#place, 'switch-failed', outcome)
    this.#run.start()
  }

  /** Sends the switch and its command in one write. The command's answer comes last. */
  startWith(sendCommand: () => void): void {
    const { raw, charsetNumber } = this.#target
    // The statement is encoded now, for the character set that the switch before it sets.
    if (this.#need === 'hand-over') setCharsetNumber(raw, charsetNumber)
    raw.stream.cork()
    this.start()
    beginCommand(raw)
    sendCommand()
    raw.stream.uncork()
    this.#commandSequenceId = expectedSequenceId(raw)
    expectAnswer(raw, FIRST)
  }

  /**
   * Takes the next answer: to the switch, or to the command behind a failed one.
   *
   * @returns how the prologue has ended; undefined if more answers come
   */
  answer(packet: Packet): 'switched' | FailedPrologue | undefined {
    if (this.#skipped) return this.#skip(this.#skipped, packet)
    try {
      if (!this.#run.answer(packet)) return undefined
    } catch (error) {
      if (!(error instanceof SwitchFailure)) throw error
      return this.#fail(error, this.isPipelined ? 'unknown' : 'not-sent')
    }
    if (this.#run.failure) return this.#beginSkipping()
    const { raw, settings } = this.#target
    this.end(undefined)
    if (this.#database !== NEUTRAL_DATABASE)
      settings.confirmedAt.set(this.#place, performance.now())
    if (this.isPipelined) expectAnswer(raw, this.#commandSequenceId)
    return 'switched'
  }

  /**
   * The switch has ended, or its connection has.
   *
   * @param error why it failed; undefined if it did not
   */
  end(error: unknown): void {
    this.#target.switchTimeLimit.end()
    const isHandedOver = this.#from !== undefined && error === undefined
    const tellsHandOver = isHandedOver && CHANNELS.handOver.hasSubscribers
    if (this.#startedAt === 0 && !tellsHandOver) return
    const { server, database, tenant } = this.#place
    const { settings, connectionId } = this.#target
    const { name } = settings
    const about = { name, server, tenant: tenant.id, database, connectionId }
    if (this.#startedAt > 0) {
      const durationMillis = performance.now() - this.#startedAt
      const isHandOver = this.#from !== undefined
      CHANNELS.switch.publish({ ...about, durationMillis, isHandOver, error })
    }
    if (this.#from && tellsHandOver) {
      CHANNELS.handOver.publish({ ...about, from: this.#from.tenant.id })
    }
  }

  /** The command behind a failed switch was sent. Its answer has to be read, and no caller gets it. */
  #beginSkipping(): undefined {
    const { raw, state, switchTimeLimit } = this.#target
    switchTimeLimit.end()
    expectAnswer(raw, this.#commandSequenceId)
    state.onStatement(this.#place)
    this.#skipped = new SkippedAnswer()
  }

  #skip(skipped: SkippedAnswer, packet: Packet): FailedPrologue | undefined {
    const { state } = this.#target
    const end = skipped.read(packet)
    if (end === undefined) return undefined
    if (end.status === undefined) state.onError()
    else state.onStatus(end.status)
    state.onStray()
    if (isErr(packet) && isReadOnly(errnoOf(packet))) this.#target.markUnusable('read-only')
    const failure = this.#run.failure as SwitchFailure
    // If the statement has changed the database, the commands queued behind it must not run there. And
    // the reset that the session needs now would take a transaction, variables and locks from the holder.
    if (end.hasLeft || this.#keepsSession) failure.endsConnection = true
    return this.#fail(failure, end.outcome)
  }

  #fail(failure: SwitchFailure, outcome: Outcome): FailedPrologue {
    const { settings, connectionId } = this.#target
    settings.confirmedAt.delete(this.#place)
    const error = switchError(failure, this.#place, connectionId, outcome)
    this.end(error)
    return { error, endsConnection: failure.endsConnection || outcome === 'unknown' }
  }
}
