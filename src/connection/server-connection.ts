import { AsyncResource } from 'node:async_hooks'
import type { DiscardReason } from '../base/diagnostics.ts'
import type { TenantKnexError } from '../base/errors.ts'
import type { SwitchMode } from '../base/session-modes.ts'
import type { Place } from '../tenants/place.ts'
import { Gate, type GatedConnection } from './gate.ts'
import { Intake } from './intake.ts'
import { Lease } from './lease.ts'
import type { LeaseHost, LeaseUse, Unusable } from './lease-host.ts'
import type { SessionSetup } from './session/setup.ts'
import { type Need, SessionState } from './session/state.ts'
import type { SwitchStep } from './switch/plan.ts'
import { planCommand, SwitchRun } from './switch/run.ts'
import { SwitchTimeLimit } from './switch/time-limit.ts'
import {
  charsetNumberOf,
  isBusy,
  isOpen,
  isPaused,
  lossError,
  nameDatabase,
  sayGoodBye,
} from './wire/driver.ts'
import type { RawConnection } from './wire/driver-types.ts'

/** The events of a connection that its pool hears. */
export interface ConnectionEvents {
  /** A switch has been sent. */
  onSwitch(need: Exclude<Need, 'nothing'>): void
  /** A statement runs that may define code. Call the function, if there is one, when it has ended. */
  onDefinition(place: Place): (() => void) | undefined
  /** A call was refused and nothing sent. */
  onRefusal(error: TenantKnexError): void
}

/** The settings of all connections to a server. */
export interface ConnectionSettings {
  /** Name of the tenantKnex, for diagnostics. */
  readonly name: string
  /** Name of the server. */
  readonly server: string
  readonly switchTimeoutMillis: number
  readonly switchMode: SwitchMode
  /** When a place was last confirmed, on any connection, by this process's clock. */
  readonly confirmedAt: WeakMap<Place, number>
  readonly events: ConnectionEvents
}

/**
 * A connection to a server, and its life: it is lent to one tenant after the other, and ends. Its gate
 * decides on each command.
 */
export class ServerConnection implements LeaseHost, GatedConnection {
  readonly raw: RawConnection
  readonly state: SessionState = new SessionState()
  readonly name: string
  readonly server: string
  readonly settings: ConnectionSettings
  readonly setup: SessionSetup
  /** Which server it is, as the server says: connection ids are a server's own. */
  readonly serverId: string | null | undefined
  readonly charsetNumber: number
  readonly knexUid: string
  readonly intake: Intake
  readonly switchTimeLimit: SwitchTimeLimit
  isTracked: boolean | undefined
  /** True if self-contained statements of several tenants may share the session. Set before its first use. */
  canBeCommon = false
  usedAt: number = performance.now()
  /** The pool's own: until when the connection may be given out, by the same clock. */
  expiresAt: number = Number.POSITIVE_INFINITY
  /** By the same clock. */
  readonly openedAt: number = performance.now()

  readonly #gate: Gate
  /** Connections are made outside any tenant's scope, and their events stay there. */
  readonly #outside = new AsyncResource('TENANT_KNEX_CONNECTION')
  #holder: Lease | undefined
  #unusable: Unusable | undefined
  #onIdle: (() => void) | undefined

  constructor(
    raw: RawConnection,
    settings: ConnectionSettings,
    setup: SessionSetup,
    serverId: string | null | undefined,
  ) {
    this.raw = raw
    this.charsetNumber = charsetNumberOf(raw)
    this.knexUid = `__knexUid${settings.server}/${raw.threadId}`
    this.name = settings.name
    this.server = settings.server
    this.settings = settings
    this.setup = setup
    this.serverId = serverId
    this.switchTimeLimit = new SwitchTimeLimit(this, settings.switchTimeoutMillis)
    this.#gate = new Gate(this)
    this.intake = new Intake(raw, this.#gate)
    raw.on('error', (error) => this.markUnusable('lost', error))
    raw.stream.once('close', () => this.#outside.runInAsyncScope(() => this.#onClose()))
  }

  /** The server's own id of the connection. */
  get connectionId(): number {
    return this.raw.threadId
  }

  get holder(): Lease | undefined {
    return this.#holder
  }

  /** Lends the connection to a tenant until it is taken back. Sends nothing. */
  lease(place: Place, use: LeaseUse = 'session'): Lease {
    // Such a server does not tell of a hidden change, so the last confirmation is not relied on.
    if (this.isTracked === false) this.state.onDatabaseLost()
    this.#holder = new Lease(this, place, use)
    nameDatabase(this.raw, place.database)
    this.usedAt = performance.now()
    return this.#holder
  }

  /** Takes the connection back from its holder, who must have no command on it any more. */
  vacate(): void {
    this.#holder = undefined
    this.usedAt = performance.now()
  }

  /**
   * Runs a plan as a command of its own. The connection must be idle.
   *
   * @param ifLate why the connection is destroyed if the plan takes too long
   * @throws SwitchFailure, and the error that ended the connection meanwhile
   */
  async runPlan(
    steps: readonly SwitchStep[],
    ifLate: DiscardReason = 'switch-failed',
  ): Promise<void> {
    this.switchTimeLimit.start(undefined, ifLate, 'not-sent')
    try {
      await new Promise<void>((resolve, reject) => {
        const onResult = (error: Error | null) => (error ? reject(error) : resolve())
        this.intake.bypass(planCommand(new SwitchRun(this, steps), onResult))
      })
    } finally {
      this.switchTimeLimit.end()
    }
  }

  /** Lets the connection read its socket again, if its last holder has paused it. */
  resume(): void {
    if (this.isPaused) this.raw.resume()
  }

  get isPaused(): boolean {
    return isPaused(this.raw)
  }

  /** True while a command runs or waits. */
  get isBusy(): boolean {
    return isBusy(this.raw)
  }

  /** Resolves once no command runs or waits, or the connection has ended. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#onIdle = resolve
      if (this.raw.stream.destroyed || !this.isBusy) this.#tellIdle()
    })
  }

  /**
   * True while a command has left for the server and has not been answered to its end. When the
   * connection is lost, mysql2 gives the commands that wait behind it the very same error.
   */
  get isInFlight(): boolean {
    return this.#gate.isInFlight
  }

  /** Whether a transaction is open, by the server's last answer; undefined if that does not tell. */
  get isInTransaction(): boolean | undefined {
    const leftover = this.state.leftover()
    if (leftover === 'transaction') return true
    return leftover === 'nothing' ? false : undefined
  }

  /**
   * True if the server must end the connection together with its statement. If only the statement ended,
   * another one could run: the one behind a switch, or one whose caller is gone.
   */
  get isKilledWhole(): boolean {
    return this.raw.stream.destroyed || this.#gate.isPipelining
  }

  /** True while the connection can take statements. */
  get isUsable(): boolean {
    return this.#unusable === undefined && isOpen(this.raw)
  }

  /** Why the connection must not be used again; undefined if it may be. */
  get unusable(): Unusable | undefined {
    return this.#unusable
  }

  /** The connection goes on for its holder, and is closed when it is taken back. The first reason stays. */
  markUnusable(reason: DiscardReason, error?: unknown): void {
    this.#unusable ??= { reason, error }
  }

  /** Says good-bye to the server and waits until the connection is closed. It must be idle. */
  async close(): Promise<void> {
    if (isOpen(this.raw)) this.markUnusable('idle')
    else this.markUnusable('lost', lossError(this.raw))
    if (this.raw.stream.destroyed) return
    this.intake.remove()
    await sayGoodBye(this.raw)
  }

  /** Closes the connection at once. Its commands fail with the error. */
  destroy(reason: DiscardReason, error: Error): void {
    this.markUnusable(reason, error)
    // Not connection.destroy(), which half-closes and leaves callbacks uncalled.
    this.raw.stream.destroy(error)
  }

  onRefusal(error: TenantKnexError): void {
    this.settings.events.onRefusal(error)
  }

  /** A command has ended. mysql2 takes it off the wire only after this call. */
  onCommandEnd(): void {
    if (this.#onIdle) queueMicrotask(() => this.isBusy || this.#tellIdle())
  }

  #onClose(): void {
    const error = lossError(this.raw)
    this.markUnusable('lost', error)
    this.switchTimeLimit.end()
    this.#gate.onClose(error)
    this.#tellIdle()
    this.#holder?.tellLost(error)
  }

  #tellIdle(): void {
    const tell = this.#onIdle
    this.#onIdle = undefined
    tell?.()
  }
}
