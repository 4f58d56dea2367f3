import { TenantKnexError } from '../errors.ts'
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
  type WireCommand,
} from './driver.ts'
import { closedError, Lease, type LeaseHost, releasedError } from './lease.ts'
import { isErr, isOk, readOk, STATUS } from './packets.ts'
import { type Need, SessionState } from './session-state.ts'
import { isTransactionEnd } from './statement-text.ts'
import { cleaningPlan, type SessionSetup, type SwitchStep, switchPlan } from './switch-plan.ts'
import { SwitchFailure, SwitchRun, type SwitchTarget, switchError } from './switch-run.ts'

/** What a gate tells its pool. */
export interface GateEvents {
  onSwitch(need: Exclude<Need, 'nothing'>): void
}

/** What a holder left behind in the session. */
export type Leftover = ReturnType<SessionState['leftover']>

/** What a gate is built from. */
export interface GateOptions {
  readonly setup: SessionSetup
  readonly switchTimeoutMillis: number
  readonly events: GateEvents
}

/** MariaDB's mark at the end of the column definitions of a block that has changed the session. */
const CHANGED_BEFORE_ROWS = STATUS.sessionChanged | STATUS.moreResults

/** How long a server may take to answer a good-bye. */
const CLOSE_MILLIS = 1_000

const ENTRY = Symbol('tenant-knex.entry')

/** A command on its way through a gate. */
interface Entry {
  readonly gate: Gate
  readonly lease: Lease | undefined
  /** The switch that goes before the command, while it runs. */
  prologue: SwitchRun | undefined
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
  /** Set by Knex where a query's outcome is in doubt: the connection must not be used again. */
  disposed: unknown
  /** True while a switch runs before a command: the command has not been sent. */
  isSwitching = false
  /** When the connection was last given or taken back; milliseconds since the epoch. */
  since: number = Date.now()

  readonly #options: GateOptions
  readonly #addCommand: RawConnection['addCommand']
  /** Commands without a callback: mysql2 does not tell them when their connection ends. */
  readonly #streams = new Set<Command>()
  #holder: Lease | undefined
  #caller: Lease | undefined
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
    connection.on('error', (error) => {
      this.disposed ??= error
    })
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
    return this.disposed === undefined && isOpen(this.connection)
  }

  /** Hands the connection to a tenant until the lease is returned. Sends nothing. */
  lease(tenant: Tenant): Lease {
    // Nobody tells of a hidden change here, so what an earlier statement left is not relied on.
    if (this.isTracked === false) this.state.onDatabaseLost()
    this.#holder = new Lease(this, tenant)
    this.since = Date.now()
    return this.#holder
  }

  /** Takes the connection back from its holder, who must have no command on it any more. */
  vacate(): void {
    this.#holder = undefined
    this.since = Date.now()
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
   * @throws SwitchFailure, and what ended the connection meanwhile
   */
  async runPlan(steps: readonly SwitchStep[]): Promise<void> {
    this.#limitSwitch(undefined)
    try {
      await new Promise<void>((resolve, reject) => {
        const onResult = (error: Error | null) => (error ? reject(error) : resolve())
        const command = switchCommand(new SwitchRun(this, steps), onResult)
        this.#addCommand.call(this.connection, command)
      })
    } finally {
      clearTimeout(this.#switchTimer)
    }
  }

  /**
   * Makes sure that nothing of its holder's is left in the session. The connection must be idle.
   *
   * @param isForced clean whatever the server says, and what only a statement can clear
   * @returns what was found; where that is `transaction`, it has been rolled back
   */
  async clean(tenant: Tenant, isForced: boolean): Promise<Leftover> {
    const { setup } = this.#options
    if (this.state.leftover() === 'unknown') {
      await this.#tryPlan(switchPlan('confirm', setup, tenant.database))
    }
    const found = this.state.leftover()
    if (found !== 'nothing' || isForced) {
      await this.#tryPlan(cleaningPlan(setup, tenant.database, found === 'transaction', isForced))
    }
    return found
  }

  /** Runs a plan; that the tenant's database is gone or denied does not matter here. */
  async #tryPlan(steps: readonly SwitchStep[]): Promise<void> {
    try {
      await this.runPlan(steps)
    } catch (error) {
      if (!(error instanceof SwitchFailure && error.isRecoverable)) throw error
    }
  }

  /** Says good-bye to the server and waits until the connection is closed. It must be idle. */
  async close(): Promise<void> {
    const { stream } = this.connection
    this.disposed ??= new Error('The connection was closed by its pool.')
    if (stream.destroyed) return
    const closed = new Promise<void>((resolve) => stream.once('close', () => resolve()))
    const timer = setTimeout(() => stream.destroy(), CLOSE_MILLIS)
    this.connection.addCommand = this.#addCommand
    this.connection.end()
    await closed
    clearTimeout(timer)
  }

  /** Closes the connection at once. Whatever waits on it fails with the error. */
  destroy(error: Error): void {
    this.disposed ??= error
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
    this.#options.events.onSwitch(need)
    const plan = switchPlan(need, this.#options.setup, lease.tenant.database)
    entry.prologue = new SwitchRun(this, plan)
    this.isSwitching = true
    this.#limitSwitch(lease)
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
      clearTimeout(this.#switchTimer)
      return this.#failSwitch(command, lease, error)
    }
    clearTimeout(this.#switchTimer)
    this.isSwitching = false
    entry.prologue = undefined
    return this.#run(command, lease)
  }

  #run(command: Command, lease: Lease): boolean {
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
    this.#abort(command, new Error('The connection was closed in the middle of an answer.'))
  }

  /** `USE` can hang behind a waiting `DROP DATABASE`, and still happen after we gave up on it. */
  #limitSwitch(lease: Lease | undefined): void {
    const { switchTimeoutMillis } = this.#options
    this.#switchTimer = setTimeout(() => {
      this.destroy(
        new TenantKnexError(
          'ERR_SWITCH_TIMEOUT',
          `Switching the connection took more than ${switchTimeoutMillis} ms, so it was closed. ` +
            'A database that is being dropped can cause this; see `switchTimeoutMillis`.',
          { ...this.#details(lease), outcome: 'not-sent' },
        ),
      )
    }, switchTimeoutMillis)
  }

  #failSwitch(command: Command, lease: Lease, error: unknown): boolean {
    if (!(error instanceof SwitchFailure)) throw error
    const shown = switchError(error, lease.tenant, this.connectionId)
    if (!error.isRecoverable) return this.#abort(command, shown)
    this.isSwitching = false
    failCommand(command, shown)
    this.#onEnd(command)
    return true
  }

  #refuse(command: Command, lease: Lease | undefined): boolean {
    failCommand(command, releasedError(lease?.tenant, this.connectionId))
    this.#onEnd(command)
    return true
  }

  /** Looks at an answer before mysql2 does. */
  #watch(command: Command, lease: Lease | undefined, packet: Packet): void {
    const { state } = this
    if (isErr(packet)) state.onError()
    else if (command.resultsetHeader === undefined || lease === undefined) return
    else if (command.next === command.row) {
      if (packet.isEOF()) state.onStatus(packet.eofStatusFlags())
    } else if (command.next === command.resultsetHeader || command.next === command.infileOk) {
      if (isOk(packet)) this.#onOk(command, lease, packet)
    } else if (command.next === command.fieldsEOF && this.#streams.has(command)) {
      const isChanged = (packet.eofStatusFlags() & CHANGED_BEFORE_ROWS) === CHANGED_BEFORE_ROWS
      if (isChanged) this.#abort(command, this.#hiddenChange(lease))
    }
  }

  #onOk(command: Command, lease: Lease, packet: Packet): void {
    const { status, database } = readOk(packet, this.isTracked === true)
    this.state.onStatus(status)
    if (database === undefined) return
    this.state.onDatabaseLost()
    // An empty name: the current database is gone. Any other, its own too: the statement has left
    // it, and may have come back.
    if (database !== '') this.#abort(command, this.#hiddenChange(lease))
  }

  /** Ends the connection under a running command: nothing that it received may be used. */
  #abort(command: Command, error: Error): never {
    this.disposed ??= error
    if (this.#streams.delete(command)) failCommand(command, error)
    this.#failQueued()
    throw error // mysql2 closes the socket and fails what runs
  }

  /** What waits behind a command that ended its connection has never been sent. */
  #failQueued(): void {
    const queue = this.connection._commands
    for (let next = queue.shift(); next; next = queue.shift()) {
      this.#streams.delete(next)
      failCommand(next, closedError(this.#holder?.tenant, this.connectionId))
    }
  }

  #hiddenChange(lease: Lease): TenantKnexError {
    return new TenantKnexError(
      'ERR_WRONG_TENANT',
      `A statement of tenant ${JSON.stringify(lease.tenant.id)} left its database, or may ` +
        'have. Its result is withheld and the connection was closed, but it has run.',
      { ...this.#details(lease), outcome: 'executed' },
    )
  }

  #details(lease: Lease | undefined): {
    tenant: string | undefined
    database: string | undefined
    connectionId: number
  } {
    return {
      tenant: lease?.tenant.id,
      database: lease?.tenant.database,
      connectionId: this.connectionId,
    }
  }

  #onEnd(command: Command): void {
    if (command.onResult === undefined) this.#streams.delete(command)
    // mysql2 takes the command off the wire only after this call.
    if (this.#onIdle) queueMicrotask(() => this.isBusy || this.#tellIdle())
  }

  #onClose(): void {
    const error = lossError(this.connection)
    this.disposed ??= error
    clearTimeout(this.#switchTimer)
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
