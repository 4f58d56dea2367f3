import { CHANNELS, type DiscardReason } from '../diagnostics.ts'
import { about, TenantKnexError } from '../errors.ts'
import type { Tenant } from '../identifiers.ts'
import {
  type Command,
  executeCommand,
  failCommand,
  hasFailedPrepare,
  isBusy,
  isOpen,
  lossError,
  type Packet,
  type RawConnection,
  sayGoodBye,
  type WireCommand,
} from './driver.ts'
import { closedError, Lease, type LeaseHost, releasedError } from './lease.ts'
import { errnoOf, isErr, isOk, readOk, STATUS } from './packets.ts'
import { type Need, SessionState } from './session-state.ts'
import { isTransactionEnd } from './statement-text.ts'
import {
  cleaningPlan,
  PROBE,
  type SessionSetup,
  type SwitchStep,
  switchPlan,
} from './switch-plan.ts'
import { SwitchFailure, SwitchRun, type SwitchTarget, switchError } from './switch-run.ts'

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

/** What a holder left behind in the session. */
export type Leftover = ReturnType<SessionState['leftover']>

/** What a gate is built from. */
export interface GateOptions {
  readonly setup: SessionSetup
  readonly switchTimeoutMillis: number
  readonly events: GateEvents
}

/** The server runs with --read-only, or is in read-only mode: it may have lost its role. */
const READ_ONLY_ERRNOS = new Set([1290, 1836])

/** MariaDB's mark at the end of the column definitions of a block that has changed the session. */
const CHANGED_BEFORE_ROWS = STATUS.sessionChanged | STATUS.moreResults

const ENTRY = Symbol('tenant-knex.entry')

/** A command on its way through a gate. */
interface Entry {
  readonly gate: Gate
  readonly lease: Lease | undefined
  /** The switch that goes before the command, while it runs. */
  prologue: SwitchRun | undefined
}

/** A switch under way before a tenant's command. */
interface Switching {
  readonly lease: Lease
  /** The tenant whose session is being cleaned; undefined where that is not needed. */
  readonly from: Tenant | undefined
  /** Milliseconds of the process's clock; 0 where nobody asks for them. */
  readonly startedAt: number
}

type GatedCommand = Command & { [ENTRY]: Entry }

/**
 * The one way to a server connection. Every command passes when it starts, whoever queued it and
 * however: it runs only where it came through the lease of the present holder and the server has
 * confirmed that tenant's database; where it has not, the switch runs first, inside the same
 * command.
 */
export class Gate implements SwitchTarget, LeaseHost {
  readonly connection: RawConnection
  readonly state: SessionState = new SessionState()
  readonly charsetNumber: number
  isTracked: boolean | undefined
  /** When the connection was last given or taken back; milliseconds since the epoch. */
  since: number = Date.now()
  /** The same by this process's monotonic clock. */
  usedAt: number = performance.now()
  /** By this process's monotonic clock, in milliseconds. */
  readonly openedAt: number = performance.now()

  readonly #options: GateOptions
  readonly #addCommand: RawConnection['addCommand']
  /** Commands without a callback: mysql2 does not tell them when their connection ends. */
  readonly #streams = new Set<Command>()
  #holder: Lease | undefined
  #caller: Lease | undefined
  #disposal: Disposal | undefined
  #switching: Switching | undefined
  #isInFlight = false
  #onIdle: (() => void) | undefined
  #switchTimer: NodeJS.Timeout | undefined

  constructor(connection: RawConnection, options: GateOptions) {
    this.connection = connection
    this.charsetNumber = connection.config.charsetNumber
    this.#options = options
    this.#addCommand = connection.addCommand
    connection.addCommand = (command) => {
      this.#admit(command as unknown as Command)
      return command
    }
    connection.on('error', (error) => this.dispose('lost', error))
    connection.stream.once('close', () => this.#onClose())
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

  onRefusal(error: TenantKnexError): void {
    this.#options.events.onRefusal(error)
  }

  /** Hands the connection to a tenant until the lease is returned. Sends nothing. */
  lease(tenant: Tenant): Lease {
    // Nobody tells of a hidden change here, so what an earlier statement left is not relied on.
    if (this.isTracked === false) this.state.onDatabaseLost()
    this.#holder = new Lease(this, tenant)
    this.#touch()
    return this.#holder
  }

  /** Takes the connection back from its holder, who must have no command on it any more. */
  vacate(): void {
    this.#holder = undefined
    this.#touch()
  }

  #touch(): void {
    this.since = Date.now()
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
    this.#limitSwitch(undefined, ifLate)
    try {
      await new Promise<void>((resolve, reject) => {
        const onResult = (error: Error | null) => (error ? reject(error) : resolve())
        const command = switchCommand(new SwitchRun(this, steps), onResult)
        this.#addCommand.call(this.connection, command)
      })
    } finally {
      this.#endLimit()
    }
  }

  /** Asks the server whether it is there. A connection that does not answer in time is closed. */
  async probe(): Promise<boolean> {
    await this.runPlan(PROBE, 'lost').catch((error: Error) => this.destroy('lost', error))
    return this.isUsable
  }

  /** What its holder left in the session. Asks the server where an error keeps it in doubt. */
  async leftover(tenant: Tenant): Promise<Leftover> {
    if (this.state.leftover() === 'unknown') {
      await this.#tryPlan(switchPlan('confirm', this.#options.setup, tenant.database))
    }
    return this.state.leftover()
  }

  /**
   * Leaves nothing of its holder's in the session. The connection must be idle.
   *
   * @param isThorough clean also what only a statement can clear
   */
  async clean(tenant: Tenant, isThorough: boolean): Promise<void> {
    const isInTransaction = this.state.leftover() === 'transaction'
    const { setup } = this.#options
    await this.#tryPlan(cleaningPlan(setup, tenant.database, isInTransaction, isThorough))
  }

  /** Runs a plan; that the tenant's database is gone or denied does not matter here. */
  async #tryPlan(steps: readonly SwitchStep[]): Promise<void> {
    try {
      await this.runPlan(steps, 'not-cleaned')
    } catch (error) {
      if (!(error instanceof SwitchFailure && error.isRecoverable)) throw error
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
    const entry: Entry = { gate: this, lease: this.#caller, prologue: undefined }
    Object.assign(command, { [ENTRY]: entry, execute: executeGated })
    if (command.onResult === undefined) this.#streams.add(command)
    this.#addCommand.call(this.connection, command)
  }

  /** A command starts. */
  start(command: Command, entry: Entry): boolean {
    if (hasFailedPrepare(command)) return this.#pass(command, undefined)
    const { lease } = entry
    if (lease === undefined || lease !== this.#holder) return this.#refuse(command, lease)
    const need = this.state.need(lease.tenant)
    if (need === 'nothing' || (need === 'confirm' && isTransactionEnd(command.sql))) {
      return this.#run(command, lease)
    }
    const plan = switchPlan(need, this.#options.setup, lease.tenant.database)
    entry.prologue = new SwitchRun(this, plan)
    this.#beginSwitch(need, lease)
    entry.prologue.start()
    return false
  }

  /** An answer of the server: to a command's prologue, or to the command itself. */
  answer(command: Command, entry: Entry, packet: Packet): boolean {
    const { prologue, lease } = entry
    if (prologue === undefined || lease === undefined) {
      this.#watch(command, lease, packet)
      return this.#pass(command, packet)
    }
    try {
      if (!prologue.answer(packet)) return false
    } catch (error) {
      return this.#failSwitch(command, lease, error)
    }
    this.#endSwitch(undefined)
    entry.prologue = undefined
    return this.#run(command, lease)
  }

  #beginSwitch(need: Exclude<Need, 'nothing'>, lease: Lease): void {
    this.#options.events.onSwitch(need)
    const from = need === 'hand-over' ? this.state.owner : undefined
    const startedAt = CHANNELS.switch.hasSubscribers ? performance.now() : 0
    this.#switching = { lease, from, startedAt }
    this.#limitSwitch(lease, 'switch-failed')
  }

  #endSwitch(error: unknown): void {
    this.#endLimit()
    const switching = this.#switching
    this.#switching = undefined
    if (switching) publishSwitch(switching, this.connectionId, error)
  }

  #run(command: Command, lease: Lease): boolean {
    this.#isInFlight = true
    this.state.onStatement(lease.tenant)
    return this.#pass(command, undefined)
  }

  /** mysql2's own handling. What it queues meanwhile (closing statements) is the same lease's. */
  #pass(command: Command, packet: Packet | undefined): boolean {
    const outer = this.#caller
    const isRow = packet !== undefined && isRowOf(command, packet)
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
    this.#streams.delete(command)
    const error = new Error('The connection was closed in the middle of an answer.')
    this.#abort(command, 'answer-cut', error)
  }

  /** `USE` can hang behind a waiting `DROP DATABASE`, and still happen after we gave up on it. */
  #limitSwitch(lease: Lease | undefined, ifLate: DiscardReason): void {
    const { switchTimeoutMillis } = this.#options
    const giveUp = (): void =>
      this.destroy(
        ifLate,
        new TenantKnexError(
          'ERR_SWITCH_TIMEOUT',
          `Switching the connection took more than ${switchTimeoutMillis} ms, so it was closed. ` +
            'A database that is being dropped can cause this; see `switchTimeoutMillis`.',
          { ...about(lease?.tenant), connectionId: this.connectionId, outcome: 'not-sent' },
        ),
      )
    // Where this process was busy for so long, the answer may be there and only has to be read.
    const timer = setTimeout(() => {
      setImmediate(() => this.#switchTimer === timer && giveUp())
    }, switchTimeoutMillis)
    this.#switchTimer = timer
  }

  #endLimit(): void {
    clearTimeout(this.#switchTimer)
    this.#switchTimer = undefined
  }

  #failSwitch(command: Command, lease: Lease, error: unknown): boolean {
    if (!(error instanceof SwitchFailure)) throw error
    const shown = switchError(error, lease.tenant, this.connectionId)
    this.#endSwitch(shown)
    if (!error.isRecoverable) return this.#abort(command, 'switch-failed', shown)
    failCommand(command, shown)
    this.#onEnd(command)
    return true
  }

  #refuse(command: Command, lease: Lease | undefined): boolean {
    const error = releasedError(lease?.tenant, this.connectionId)
    this.onRefusal(error)
    failCommand(command, error)
    this.#onEnd(command)
    return true
  }

  /** Looks at an answer before mysql2 does. */
  #watch(command: Command, lease: Lease | undefined, packet: Packet): void {
    const { state } = this
    if (isErr(packet)) this.#onError(packet)
    else if (command.resultsetHeader === undefined || lease === undefined) return
    else if (command.next === command.row) {
      if (packet.isEOF()) state.onStatus(packet.eofStatusFlags())
    } else if (command.next === command.resultsetHeader || command.next === command.infileOk) {
      if (isOk(packet)) this.#onOk(command, lease, packet)
    } else if (command.next === command.fieldsEOF && this.#streams.has(command)) {
      const isChanged = (packet.eofStatusFlags() & CHANGED_BEFORE_ROWS) === CHANGED_BEFORE_ROWS
      if (isChanged) this.#abort(command, 'database-left', this.#hiddenChange(lease))
    }
  }

  #onError(packet: Packet): void {
    this.state.onError()
    if (READ_ONLY_ERRNOS.has(errnoOf(packet))) this.dispose('read-only')
  }

  #onOk(command: Command, lease: Lease, packet: Packet): void {
    const { status, database } = readOk(packet, this.isTracked === true)
    this.state.onStatus(status)
    if (database === undefined) return
    this.state.onDatabaseLost()
    // An empty name: the current database is gone. Any other, its own too: the statement has left
    // it, and may have come back.
    if (database !== '') this.#abort(command, 'database-left', this.#hiddenChange(lease))
  }

  /** Ends the connection under a running command: nothing that it received may be used. */
  #abort(command: Command, reason: DiscardReason, error: Error): never {
    this.dispose(reason, error)
    if (this.#streams.delete(command)) failCommand(command, error)
    this.#failQueued(error)
    throw error // mysql2 closes the socket and fails what runs
  }

  /** What waits behind a command that ended its connection has never been sent. */
  #failQueued(cause: Error): void {
    const queue = this.connection._commands
    for (let next = queue.shift(); next; next = queue.shift()) {
      this.#streams.delete(next)
      failCommand(next, closedError(this.#holder?.tenant, this.connectionId, cause))
    }
  }

  #hiddenChange(lease: Lease): TenantKnexError {
    return new TenantKnexError(
      'ERR_WRONG_TENANT',
      `A statement of tenant ${JSON.stringify(lease.tenant.id)} left its database, or may ` +
        'have. Its result is withheld and the connection was closed, but it has run.',
      { ...about(lease.tenant), connectionId: this.connectionId, outcome: 'executed' },
    )
  }

  #onEnd(command: Command): void {
    this.#isInFlight = false
    if (command.onResult === undefined) this.#streams.delete(command)
    // mysql2 takes the command off the wire only after this call.
    if (this.#onIdle) queueMicrotask(() => this.isBusy || this.#tellIdle())
  }

  #onClose(): void {
    const error = lossError(this.connection)
    this.dispose('lost', error)
    this.#endSwitch(error)
    this.#tellIdle()
    this.#holder?.tellLost(error)
    // Each on its own: what a listener of one throws must not keep the others waiting.
    for (const command of this.#streams) process.nextTick(failCommand, command, error)
    this.#streams.clear()
  }

  #tellIdle(): void {
    const tell = this.#onIdle
    this.#onIdle = undefined
    tell?.()
  }
}

/** Stands in for `execute` on every gated command. mysql2 passes no packet at the start only. */
function executeGated(this: GatedCommand, packet: Packet | undefined): boolean {
  const entry = this[ENTRY]
  return packet === undefined
    ? entry.gate.start(this, entry)
    : entry.gate.answer(this, entry, packet)
}

function publishSwitch(
  { lease, from, startedAt }: Switching,
  connectionId: number,
  error: unknown,
) {
  const { id: tenant, database } = lease.tenant
  if (startedAt > 0) {
    const durationMillis = performance.now() - startedAt
    const isHandOver = from !== undefined
    CHANNELS.switch.publish({ tenant, database, connectionId, durationMillis, isHandOver, error })
  }
  if (from && error === undefined && CHANNELS.handOver.hasSubscribers) {
    CHANNELS.handOver.publish({ tenant, database, connectionId, from: from.id })
  }
}

/** True where a packet is one row of an answer, after which more must come. */
function isRowOf(command: Command, packet: Packet): boolean {
  return (
    command.row !== undefined && command.next === command.row && !packet.isEOF() && !isErr(packet)
  )
}

/** A plan as a command of mysql2's. */
function switchCommand(run: SwitchRun, onResult: (error: Error | null) => void): WireCommand {
  return {
    onResult,
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
