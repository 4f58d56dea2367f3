import type { DiscardReason } from '../base/diagnostics.ts'
import type { TenantKnexError } from '../base/errors.ts'
import type { SwitchMode } from '../base/session-modes.ts'
import { closedError, databaseLeftError, foreignColumnError, releasedError } from './errors.ts'
import {
  type CommandGate,
  failInScope,
  type Passage,
  putBehindGate,
  UntoldCommands,
} from './gated-command.ts'
import type { Intake } from './intake.ts'
import { type Sender, type SendingLease, sessionFor } from './sender.ts'
import { learnFrom } from './session/answer-meaning.ts'
import { NEUTRAL_DATABASE, type Need } from './session/state.ts'
import { decideStart, leavesWithSwitch } from './start-decision.ts'
import { StatementOnWire, type Watched } from './statement-on-wire.ts'
import { type FailedPrologue, Prologue, type PrologueTarget } from './switch/prologue.ts'
import type { AnswerPart } from './wire/answer-part.ts'
import { isCompressed, takeQueued } from './wire/driver.ts'
import {
  endLocalFile,
  failCommand,
  hasFailedPrepare,
  hasTypeCast,
  isTextQuery,
  steerStream,
} from './wire/driver-command.ts'
import type { Command, Packet } from './wire/driver-types.ts'
import { isOfOtherDatabase } from './wire/packets.ts'

/** The connection that a gate stands before. */
export interface GatedConnection extends PrologueTarget {
  readonly intake: Intake
  readonly holder: (SendingLease & Sender) | undefined
  /** When the connection was last given or taken back, by this process's monotonic clock. */
  readonly usedAt: number
  readonly settings: PrologueTarget['settings'] & {
    readonly switchMode: SwitchMode
    readonly events: Watched['settings']['events'] & {
      onSwitch(need: Exclude<Need, 'nothing'>): void
    }
  }
  markUnusable(reason: DiscardReason, error?: unknown): void
  onRefusal(error: TenantKnexError): void
  onCommandEnd(): void
}

/**
 * The one way to a server connection. Every command passes when it starts, however it was queued, and only
 * if it came through the present holder's lease. If the session does not suit it, the switch runs first.
 */
export class Gate implements CommandGate {
  readonly #connection: GatedConnection
  readonly #untold = new UntoldCommands()
  /** The switch that runs, and its command behind it. */
  #prologue: Prologue | undefined
  #isInFlight = false
  readonly #onWire: StatementOnWire

  constructor(connection: GatedConnection) {
    this.#connection = connection
    this.#onWire = new StatementOnWire(connection)
  }

  /** True while a command has left for the server and has not been answered to its end. */
  get isInFlight(): boolean {
    return this.#isInFlight
  }

  /** True while a switch runs, and its command is behind it at the server. */
  get isPipelining(): boolean {
    return this.#prologue?.isPipelined === true
  }

  onClose(error: Error): void {
    this.#prologue?.end(error)
    this.#prologue = undefined
    this.#onWire.lose()
    this.#untold.failAll(error)
  }

  /** A command is about to be queued. */
  admit(command: Command, sender: Sender | undefined): void {
    putBehindGate(command, this, sender)
    this.#untold.add(command)
  }

  /** A command starts. */
  start(command: Command, passage: Passage): boolean {
    if (hasFailedPrepare(command)) return this.#pass(command, undefined)
    const { sender } = passage
    const { holder, state } = this.#connection
    const decision = decideStart(sender, holder, state, command.sql)
    if (sender === undefined || decision === 'refuse') return this.#refuse(command, sender)
    if (decision === 'run') return this.#run(command, passage, sender)
    this.#switch(command, passage, sender, decision)
    return false
  }

  /** Sends the switch that a command needs, and the command in the same write if that is safe. */
  #switch(
    command: Command,
    passage: Passage,
    sender: Sender,
    need: Exclude<Need, 'nothing'>,
  ): void {
    const { place } = sender.lease
    const database = this.#connection.state.databaseFor(place, sessionFor(sender.nature))
    this.#connection.settings.events.onSwitch(need)
    const isPipelined = this.#leavesWithSwitch(command, sender, need, database)
    const prologue = new Prologue(this.#connection, need, place, database, isPipelined)
    passage.prologue = prologue
    this.#prologue = prologue
    if (isPipelined) prologue.startWith(() => this.#run(command, passage, sender))
    else prologue.start()
  }

  #leavesWithSwitch(command: Command, sender: Sender, need: Need, database: string): boolean {
    const { raw, isTracked, setup, settings, usedAt } = this.#connection
    const now = performance.now()
    const confirmedAt = settings.confirmedAt.get(sender.lease.place) ?? Number.NEGATIVE_INFINITY
    return leavesWithSwitch(settings.switchMode, {
      canPipeline: isTracked === true && !isCompressed(raw),
      isText: isTextQuery(command),
      isBuilt: sender.nature.isBuilt,
      isPlain: need === 'confirm' || setup.isPlain,
      sinceConfirmed: database === NEUTRAL_DATABASE ? 0 : now - confirmedAt,
      sinceAcquired: now - usedAt,
    })
  }

  /** An answer of the server: to a command's prologue, or to the command itself. */
  answer(command: Command, passage: Passage, packet: Packet, part: AnswerPart): boolean {
    const { prologue, sender } = passage
    if (prologue && sender) return this.#answerPrologue(command, passage, packet, prologue, sender)
    if (sender) this.#learn(command, passage.showsRows, packet, part, sender)
    const isRow = part === 'row'
    // mysql2 reads all packets through one object: a `typeCast` that keeps it would read on there.
    return this.#pass(command, isRow && passage.showsRows ? packet.clone() : packet, isRow)
  }

  #answerPrologue(
    command: Command,
    passage: Passage,
    packet: Packet,
    prologue: Prologue,
    sender: Sender,
  ): boolean {
    const end = prologue.answer(packet)
    if (end === undefined) return false
    this.#prologue = undefined
    passage.prologue = undefined
    if (end !== 'switched') return this.#failWithPrologue(command, end)
    if (!prologue.isPipelined) return this.#run(command, passage, sender)
    this.#onWire.tellSession(sender) // after the switch has cleaned
    return false
  }

  #failWithPrologue(command: Command, { error, endsConnection }: FailedPrologue): boolean {
    this.#isInFlight = error.outcome === 'unknown'
    if (endsConnection) return this.#destroyUnder(command, 'switch-failed', error)
    return this.#fail(command, error)
  }

  #run(command: Command, passage: Passage, sender: Sender): boolean {
    this.#isInFlight = true
    this.#onWire.begin(sender, command)
    const isDone = this.#pass(command, undefined)
    steerStream(command, sender.lease)
    passage.showsRows = this.#untold.has(command) || hasTypeCast(command, this.#connection.raw)
    return isDone
  }

  /** mysql2's own handling. */
  #pass(command: Command, packet: Packet | undefined, isRow = false): boolean {
    const { intake, holder } = this.#connection
    const isDone = intake.execute(holder, command, packet)
    if (isDone && isRow) this.#destroyMidAnswer(command)
    if (isDone) this.#onEnd(command)
    return isDone
  }

  #refuse(command: Command, sender: Sender | undefined): boolean {
    const error = releasedError(sender?.lease.place, this.#connection.connectionId)
    this.#connection.onRefusal(error)
    return this.#fail(command, error)
  }

  #fail(command: Command, error: Error): boolean {
    failCommand(command, error)
    this.#onEnd(command)
    return true
  }

  /** Learns from an answer to a tenant's command, before mysql2 reads it. */
  #learn(
    command: Command,
    showsRows: boolean,
    packet: Packet,
    part: AnswerPart,
    sender: Sender,
  ): void {
    const { place } = sender.lease
    const { state, isTracked, connectionId } = this.#connection
    if (part === 'column' && isOfOtherDatabase(packet, sender.columnsOf)) {
      this.#destroyUnder(command, 'foreign-column', foreignColumnError(place, connectionId))
    }
    const meaning = learnFrom(part, packet, state, isTracked === true, !showsRows)
    if (meaning === 'read-only') this.#connection.markUnusable('read-only')
    if (meaning !== 'left') return
    this.#destroyUnder(command, 'database-left', databaseLeftError(place, connectionId))
  }

  /**
   * mysql2 ends a command whose `typeCast` throws at that row; the rest of the answer would be taken
   * for the next command's. The caller has the error by now.
   */
  #destroyMidAnswer(command: Command): never {
    command.onResult = undefined
    this.#untold.remove(command)
    const error = new Error('The connection was closed in the middle of an answer.')
    this.#destroyUnder(command, 'answer-cut', error)
  }

  /** Destroys the connection under a running command: nothing that it received may be used. */
  #destroyUnder(command: Command, reason: DiscardReason, error: Error): never {
    this.#connection.markUnusable(reason, error)
    if (this.#untold.remove(command)) failCommand(command, error)
    this.#failQueued(error)
    throw error // mysql2 closes the socket and fails the running command
  }

  /** The commands that wait behind one that ended its connection have never been sent. */
  #failQueued(cause: Error): void {
    const { raw, holder, connectionId } = this.#connection
    for (let next = takeQueued(raw); next; next = takeQueued(raw)) {
      this.#untold.remove(next)
      failInScope(next, closedError(holder?.place, connectionId, cause))
    }
  }

  #onEnd(command: Command): void {
    this.#isInFlight = false
    this.#onWire.end()
    this.#untold.remove(command)
    endLocalFile(command)
    this.#connection.onCommandEnd()
  }
}
