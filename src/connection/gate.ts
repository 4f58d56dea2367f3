import { AsyncResource } from 'node:async_hooks'
import type { DiscardReason } from '../base/diagnostics.ts'
import type { Outcome, TenantKnexError } from '../base/errors.ts'
import type { Place } from '../tenants/place.ts'
import { decideStart } from './gate-decision.ts'
import { databaseLeftError, switchTimeoutError } from './gate-errors.ts'
import { type CommandGate, type Entry, failInScope, putBehindGate } from './gated-command.ts'
import { closedError, Lease, type LeaseHost, releasedError } from './lease.ts'
import { type AnswerPart, isReadOnly, learnFrom } from './session/answer-meaning.ts'
import type { SessionSetup } from './session/setup.ts'
import { type Need, SessionState } from './session/state.ts'
import { switchCommand } from './switch/command.ts'
import { SwitchLimit } from './switch/limit.ts'
import { leavesWithSwitch, type Switching } from './switch/one-write.ts'
import type { SwitchStep } from './switch/plan.ts'
import { Prologue } from './switch/prologue.ts'
import { SwitchFailure, SwitchRun, type SwitchTarget, switchError } from './switch/run.ts'
import { UnheardCommands } from './unheard-commands.ts'
import {
  type Command,
  endLocalFile,
  executeCommand,
  failCommand,
  hasFailedPrepare,
  hasTypeCast,
  isBusy,
  isOpen,
  isTextQuery,
  lossError,
  type Packet,
  type RawConnection,
  sayGoodBye,
  steerStream,
} from './wire/driver.ts'
import { errnoOf, isErr } from './wire/packets.ts'
import { SkippedAnswer } from './wire/skipped-answer.ts'

/** What a gate tells its pool. */
export interface GateEvents {
  /** A switch has been sent. */
  onSwitch(need: Exclude<Need, 'nothing'>): void
  /** A call was refused and nothing sent. */
  onRefusal(error: TenantKnexError): void
}

/** Why a connection must not be used again. */
export interface Disposal {
  readonly reason: DiscardReason
  readonly error: unknown
}

/** What a gate is built from. */
export interface GateOptions {
  /** Of the tenantKnex, for diagnostics. */
  readonly name: string
  /** Name of the server. */
  readonly server: string
  readonly setup: SessionSetup
  /** What the server says that it is: connection ids are its own. */
  readonly serverId: string | null | undefined
  readonly switchTimeoutMillis: number
  readonly switching: Switching
  /** When a place was last confirmed, on any connection, by this process's clock. */
  readonly confirmedAt: WeakMap<Place, number>
  readonly events: GateEvents
}

/** A command whose switch was refused, and whose own answer is read for nobody. */
type SkippedEntry = Entry & {
  readonly lease: Lease
  readonly prologue: Prologue
  readonly skipped: SkippedAnswer
}

/**
 * The one way to a server connection. Every command passes when it starts, whoever queued it and
 * however: it runs only where it came through the lease of the present holder and the server has
 * confirmed that tenant's database; where it has not, the switch runs first, inside the same
 * command.
 */
export class Gate implements SwitchTarget, LeaseHost, CommandGate {
  readonly connection: RawConnection
  readonly state: SessionState = new SessionState()
  /** Of the tenantKnex, for diagnostics. */
  readonly name: string
  /** Name of the server. */
  readonly server: string
  readonly setup: SessionSetup
  readonly serverId: string | null | undefined
  readonly charsetNumber: number
  readonly knexUid: string
  isTracked: boolean | undefined
  /** When the connection was last given or taken back, by this process's monotonic clock. */
  usedAt: number = performance.now()
  /** The pool's own: until when the connection may be given out, by the same clock. */
  expiresAt: number = Number.POSITIVE_INFINITY
  /** By the same clock. */
  readonly openedAt: number = performance.now()

  readonly #options: GateOptions
  readonly #addCommand: RawConnection['addCommand']
  readonly #unheard = new UnheardCommands()
  /** Outside any tenant's scope, in which connections are made. */
  readonly #outside = new AsyncResource('TENANT_KNEX_CONNECTION')
  readonly #limit: SwitchLimit
  #holder: Lease | undefined
  #caller: Lease | undefined
  #disposal: Disposal | undefined
  #switching: Prologue | undefined
  #isInFlight = false
  #onIdle: (() => void) | undefined

  constructor(connection: RawConnection, options: GateOptions) {
    this.connection = connection
    this.charsetNumber = connection.config.charsetNumber
    this.knexUid = `__knexUid${options.server}/${connection.threadId}`
    this.name = options.name
    this.server = options.server
    this.setup = options.setup
    this.serverId = options.serverId
    this.#options = options
    this.#limit = new SwitchLimit(options.switchTimeoutMillis)
    this.#addCommand = connection.addCommand
    connection.addCommand = (command) => {
      this.#admit(command as unknown as Command)
      return command
    }
    connection.on('error', (error) => this.dispose('lost', error))
    connection.stream.once('close', () => this.#outside.runInAsyncScope(() => this.#onClose()))
  }

  /** The server's own id of the connection. */
  get connectionId(): number {
    return this.connection.threadId
  }

  get holder(): Lease | undefined {
    return this.#holder
  }

  /** True while the connection can take statements. */
  get isUsable(): boolean {
    return this.#disposal === undefined && isOpen(this.connection)
  }

  /** Why the connection must not be used again; undefined where it may. */
  get disposal(): Disposal | undefined {
    return this.#disposal
  }

  /** Marks the connection: it goes on for its holder, and is closed when it comes back. */
  dispose(reason: DiscardReason, error?: unknown): void {
    this.#disposal ??= { reason, error }
  }

  /**
   * True while a command has left for the server and has not been answered to its end. When the
   * connection is lost, mysql2 gives those that wait behind it the very same error.
   */
  get isInFlight(): boolean {
    return this.#isInFlight
  }

  /** What the server's last answer says; undefined where it does not say. */
  get isInTransaction(): boolean | undefined {
    const leftover = this.state.leftover()
    if (leftover === 'transaction') return true
    return leftover === 'nothing' ? false : undefined
  }

  /**
   * True where ending the statement that the server runs would let another one run: the switch is what
   * runs, and the statement is behind it; or nobody is there any more to hear of it.
   */
  get isKilledWhole(): boolean {
    return this.connection.stream.destroyed || this.#switching?.isPipelined === true
  }

  onRefusal(error: TenantKnexError): void {
    this.#options.events.onRefusal(error)
  }

  /** Hands the connection to a tenant until the lease is returned. Sends nothing. */
  lease(place: Place): Lease {
    // Nobody tells of a hidden change here, so what an earlier statement left is not relied on.
    if (this.isTracked === false) this.state.onDatabaseLost()
    this.#holder = new Lease(this, place)
    // OpenTelemetry and mysql2's own tracing read here in which database a statement runs.
    this.connection.config.database = place.database
    this.usedAt = performance.now()
    return this.#holder
  }

  /** Takes the connection back from its holder, who must have no command on it any more. */
  vacate(): void {
    this.#holder = undefined
    this.usedAt = performance.now()
  }

  /** Runs a call into mysql2 in the name of a lease; what it queues meanwhile is that lease's. */
  call<T>(lease: Lease, fn: () => T): T {
    const outer = this.#caller
    this.#caller = lease
    try {
      return fn()
    } finally {
      this.#caller = outer
    }
  }

  /** True while a command runs or waits. */
  get isBusy(): boolean {
    return isBusy(this.connection)
  }

  /** Resolves once no command runs or waits, or the connection has ended. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#onIdle = resolve
      if (this.connection.stream.destroyed || !this.isBusy) this.#tellIdle()
    })
  }

  /**
   * Runs a plan as a command of its own. The connection must be idle.
   *
   * @param ifLate why the connection is closed where the plan takes too long
   * @throws SwitchFailure, and what ended the connection meanwhile
   */
  async runPlan(
    steps: readonly SwitchStep[],
    ifLate: DiscardReason = 'switch-failed',
  ): Promise<void> {
    this.#limitSwitch(undefined, ifLate, 'not-sent')
    try {
      await new Promise<void>((resolve, reject) => {
        const onResult = (error: Error | null) => (error ? reject(error) : resolve())
        const command = switchCommand(new SwitchRun(this, steps), onResult)
        this.#addCommand.call(this.connection, command)
      })
    } finally {
      this.#limit.end()
    }
  }

  /** Says good-bye to the server and waits until the connection is closed. It must be idle. */
  async close(): Promise<void> {
    const { stream } = this.connection
    if (isOpen(this.connection)) this.dispose('idle')
    else this.dispose('lost', lossError(this.connection))
    if (stream.destroyed) return
    this.connection.addCommand = this.#addCommand
    await sayGoodBye(this.connection)
  }

  /** Closes the connection at once. Whatever waits on it fails with the error. */
  destroy(reason: DiscardReason, error: Error): void {
    this.dispose(reason, error)
    // Not connection.destroy(), which half-closes and leaves callbacks uncalled.
    this.connection.stream.destroy(error)
  }

  #admit(command: Command): void {
    putBehindGate(command, this, this.#caller)
    this.#unheard.add(command)
    this.#addCommand.call(this.connection, command)
  }

  /** A command starts. */
  start(command: Command, entry: Entry): boolean {
    if (hasFailedPrepare(command)) return this.#pass(command, undefined)
    const { lease } = entry
    const decision = decideStart(lease, this.#holder, this.state, command.sql)
    if (lease === undefined || decision === 'refuse') return this.#refuse(command, lease)
    if (decision === 'run') return this.#run(command, entry, lease)
    this.#options.events.onSwitch(decision)
    const isPipelined = this.#leavesWithSwitch(command, entry, lease.place, decision)
    const prologue = new Prologue(this, decision, lease.place, isPipelined)
    entry.prologue = prologue
    this.#switching = prologue
    this.#limitSwitch(lease.place, 'switch-failed', isPipelined ? 'unknown' : 'not-sent')
    if (isPipelined) this.#startTogether(command, entry, lease, prologue, decision)
    else prologue.start()
    return false
  }

  #leavesWithSwitch(command: Command, { nature }: Entry, place: Place, need: Need): boolean {
    const { switching, confirmedAt } = this.#options
    const now = performance.now()
    return leavesWithSwitch(switching, {
      canPipeline: this.isTracked === true && !this.connection.config.compress,
      isText: isTextQuery(command),
      isBuilt: nature.isBuilt,
      isPlain: need === 'confirm' || this.setup.isPlain,
      sinceConfirmed: now - (confirmedAt.get(place) ?? Number.NEGATIVE_INFINITY),
      sinceAcquired: now - this.usedAt,
    })
  }

  /** Switch and statement in one write. The statement's answer comes after those of the switch. */
  #startTogether(
    command: Command,
    entry: Entry,
    lease: Lease,
    prologue: Prologue,
    need: Need,
  ): void {
    const { connection } = this
    // The statement is encoded now, for the character set that the switch before it sets.
    if (need === 'hand-over') connection.config.charsetNumber = this.charsetNumber
    connection.stream.cork()
    prologue.start()
    connection._resetSequenceId()
    this.#run(command, entry, lease)
    connection.stream.uncork()
    prologue.nextSequenceId = connection.sequenceId
    connection.sequenceId = 1
  }

  /** An answer of the server: to a command's prologue, or to the command itself. */
  answer(command: Command, entry: Entry, packet: Packet, part: AnswerPart): boolean {
    const { prologue, lease, skipped } = entry
    if (skipped && prologue && lease) return this.#skip(command, entry, packet)
    if (prologue === undefined || lease === undefined) {
      if (lease) this.#watch(command, entry, lease, packet, part)
      const isRow = part === 'row'
      // mysql2 reads all packets through one object: what a `typeCast` keeps would read on there.
      return this.#pass(command, isRow && entry.showsRows ? packet.clone() : packet, isRow)
    }
    try {
      if (!prologue.answer(packet)) return false
    } catch (error) {
      return this.#failSwitch(command, lease, error, prologue.isPipelined ? 'unknown' : 'not-sent')
    }
    if (prologue.failure) return this.#beginSkipping(entry, lease, prologue)
    this.#endSwitch(undefined)
    entry.prologue = undefined
    this.#options.confirmedAt.set(lease.place, performance.now())
    if (!prologue.isPipelined) return this.#run(command, entry, lease)
    this.connection.sequenceId = prologue.nextSequenceId
    this.state.onStatement(lease.place, entry.nature.isHarmless) // after what the switch has cleaned
    return false
  }

  /** The statement behind a failed switch was sent: its answer has to be read, and is nobody's. */
  #beginSkipping(entry: Entry, lease: Lease, prologue: Prologue): boolean {
    this.#limit.end()
    this.connection.sequenceId = prologue.nextSequenceId
    this.state.onStatement(lease.place)
    entry.skipped = new SkippedAnswer()
    return false
  }

  #skip(command: Command, entry: Entry, packet: Packet): boolean {
    const { prologue, lease, skipped } = entry as SkippedEntry
    const end = skipped.read(packet)
    if (end === undefined) return false
    this.#isInFlight = end.outcome === 'unknown'
    if (end.status === undefined) this.state.onError()
    else this.state.onStatus(end.status)
    this.state.onStray()
    if (isErr(packet) && isReadOnly(errnoOf(packet))) this.dispose('read-only')
    const failure = prologue.failure as SwitchFailure
    entry.prologue = undefined
    entry.skipped = undefined
    // What is queued behind it must not run where it has gone. And the reset that the session needs now
    // would take from its holder what it holds: a transaction, variables, locks.
    if (end.hasLeft || prologue.keepsSession) failure.endsConnection = true
    return this.#failSwitch(command, lease, failure, end.outcome)
  }

  #endSwitch(error: unknown): void {
    this.#limit.end()
    const switching = this.#switching
    this.#switching = undefined
    switching?.publish(error)
  }

  #run(command: Command, entry: Entry, lease: Lease): boolean {
    this.#isInFlight = true
    this.state.onStatement(lease.place, entry.nature.isHarmless)
    const isDone = this.#pass(command, undefined)
    steerStream(command, lease)
    entry.showsRows = this.#unheard.has(command) || hasTypeCast(command, this.connection)
    return isDone
  }

  /** mysql2's own handling. What it queues meanwhile (closing statements) is the same lease's. */
  #pass(command: Command, packet: Packet | undefined, isRow = false): boolean {
    const outer = this.#caller
    this.#caller = this.#holder
    try {
      const isDone = executeCommand.call(command, packet, this.connection)
      if (isDone && isRow) this.#abandonAnswer(command)
      if (isDone) this.#onEnd(command)
      return isDone
    } finally {
      this.#caller = outer
    }
  }

  /**
   * mysql2 ends a command whose `typeCast` throws at that row; the rest of the answer would be taken
   * for the next command's. The caller has the error by now.
   */
  #abandonAnswer(command: Command): never {
    command.onResult = undefined
    this.#unheard.remove(command)
    const error = new Error('The connection was closed in the middle of an answer.')
    this.#abort(command, 'answer-cut', error)
  }

  /** `USE` can hang behind a waiting `DROP DATABASE`, and still happen after we gave up on it. */
  #limitSwitch(place: Place | undefined, ifLate: DiscardReason, outcome: Outcome): void {
    const { switchTimeoutMillis: millis } = this.#options
    this.#limit.start(() =>
      this.destroy(ifLate, switchTimeoutError(place, this.connectionId, millis, outcome)),
    )
  }

  #failSwitch(command: Command, lease: Lease, error: unknown, outcome: Outcome): boolean {
    if (!(error instanceof SwitchFailure)) throw error
    this.#options.confirmedAt.delete(lease.place)
    const shown = switchError(error, lease.place, this.connectionId, outcome)
    this.#endSwitch(shown)
    if (error.endsConnection || outcome === 'unknown') {
      return this.#abort(command, 'switch-failed', shown)
    }
    failCommand(command, shown)
    this.#onEnd(command)
    return true
  }

  #refuse(command: Command, lease: Lease | undefined): boolean {
    const error = releasedError(lease?.place, this.connectionId)
    this.onRefusal(error)
    failCommand(command, error)
    this.#onEnd(command)
    return true
  }

  /** Learns from an answer to a tenant's command, before mysql2 reads it. */
  #watch(
    command: Command,
    { showsRows }: Entry,
    { place }: Lease,
    packet: Packet,
    part: AnswerPart,
  ): void {
    const meaning = learnFrom(part, packet, this.state, this.isTracked === true, !showsRows)
    if (meaning === 'read-only') this.dispose('read-only')
    if (meaning !== 'left') return
    this.#abort(command, 'database-left', databaseLeftError(place, this.connectionId))
  }

  /** Ends the connection under a running command: nothing that it received may be used. */
  #abort(command: Command, reason: DiscardReason, error: Error): never {
    this.dispose(reason, error)
    if (this.#unheard.remove(command)) failCommand(command, error)
    this.#failQueued(error)
    throw error // mysql2 closes the socket and fails what runs
  }

  /** What waits behind a command that ended its connection has never been sent. */
  #failQueued(cause: Error): void {
    const queue = this.connection._commands
    for (let next = queue.shift(); next; next = queue.shift()) {
      this.#unheard.remove(next)
      failInScope(next, closedError(this.#holder?.place, this.connectionId, cause))
    }
  }

  #onEnd(command: Command): void {
    this.#isInFlight = false
    this.#unheard.remove(command)
    endLocalFile(command)
    // mysql2 takes the command off the wire only after this call.
    if (this.#onIdle) queueMicrotask(() => this.isBusy || this.#tellIdle())
  }

  #onClose(): void {
    const error = lossError(this.connection)
    this.dispose('lost', error)
    this.#endSwitch(error)
    this.#tellIdle()
    this.#holder?.tellLost(error)
    this.#unheard.failAll(error)
  }

  #tellIdle(): void {
    const tell = this.#onIdle
    this.#onIdle = undefined
    tell?.()
  }
}
