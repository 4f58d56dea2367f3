import { waitAtMost } from '../base/deadline.ts'
import { clean, findLeftover } from '../connection/cleaning.ts'
import type { ServerConnection } from '../connection/server-connection.ts'
import type { Place } from '../tenants/place.ts'
import type { Connector } from './connector.ts'
import { isExpired, mayStillRun } from './health.ts'
import type { PoolEvents } from './pool-view.ts'
import type { Reports } from './reports.ts'
import type { ConnectionState } from './stats.ts'

/**
 * How long the rest of an unwanted answer is read, so that its connection can be used again. Closing
 * the connection costs less than reading a longer one.
 */
const DRAIN_MILLIS = 5_000

/** How long killing a statement may keep others waiting. */
export const KILL_MILLIS = 1_000

/** The pool that connections come back to. */
export interface ReturnsHost {
  /** A used connection is idle again. */
  putBack(gate: ServerConnection): void
  /** Takes connections out of the pool and closes them. */
  drop(gates: readonly ServerConnection[]): void
}

/** What returns need. */
export interface ReturnsParts {
  /** True if every connection is cleaned, whatever was left. */
  readonly isThorough: boolean
  readonly connector: Connector
  readonly reports: Reports
  readonly events: PoolEvents
  readonly host: ReturnsHost
}

/**
 * Takes connections back from tenants. A connection is idle, and its session is clean, when it goes
 * back into the pool.
 */
export class Returns {
  readonly #parts: ReturnsParts
  readonly #states = new Map<ServerConnection, Exclude<ConnectionState, 'idle' | 'used'>>()
  /** A KILL under way must hit its own statement or none, so its connection waits for it. */
  readonly #kills = new Map<ServerConnection, Promise<void>>()

  constructor(parts: ReturnsParts) {
    this.#parts = parts
  }

  /** Connections that are on their way back. */
  get size(): number {
    return this.#states.size
  }

  /** The state of a connection on its way back; undefined for any other. */
  stateOf(gate: ServerConnection): ConnectionState | undefined {
    return this.#states.get(gate)
  }

  /** Takes a connection back from a tenant: at once if it is ready for anyone. */
  takeBack(gate: ServerConnection, place: Place): void {
    gate.resume()
    if (this.#isReady(gate)) this.#giveBack(gate)
    else void this.#makeReady(gate, place)
  }

  /** Ends the statement that a connection is running. */
  async kill(gate: ServerConnection): Promise<void> {
    const killed = this.#parts.connector.kill(gate)
    this.#kills.set(gate, killed)
    try {
      await killed
    } finally {
      if (this.#kills.get(gate) === killed) this.#kills.delete(gate)
    }
  }

  /** Closes a used connection. It keeps its place in the pool until the server has let it go. */
  async retire(gate: ServerConnection): Promise<void> {
    this.#states.set(gate, 'closing')
    await gate.close()
    this.#states.delete(gate)
    this.#parts.host.drop([gate])
  }

  #isReady(gate: ServerConnection): boolean {
    return (
      !this.#parts.isThorough &&
      !mayStillRun(gate) &&
      !this.#kills.has(gate) &&
      (!gate.isUsable || gate.state.leftover() === 'nothing')
    )
  }

  async #makeReady(gate: ServerConnection, place: Place): Promise<void> {
    try {
      this.#states.set(gate, 'draining')
      await this.#drain(gate)
      await this.#kills.get(gate)?.catch(() => undefined)
      this.#states.set(gate, 'cleaning')
      if (gate.isUsable) await this.#clean(gate, place)
    } catch (error) {
      gate.destroy('not-cleaned', error instanceof Error ? error : new Error(String(error)))
    } finally {
      this.#states.delete(gate)
      this.#giveBack(gate)
    }
  }

  /** Waits until nothing runs on a connection any more; ends what takes too long. */
  async #drain(gate: ServerConnection): Promise<void> {
    if (gate.isUsable && gate.isBusy) await waitAtMost(DRAIN_MILLIS, gate.idle())
    if (mayStillRun(gate)) await this.#abandon(gate)
  }

  /**
   * Closing a socket does not stop the statement at the server, and the server counts the connection
   * until then. So the connection keeps its place in the pool for a while.
   */
  async #abandon(gate: ServerConnection): Promise<void> {
    gate.destroy('abandoned', new Error('The connection was given up while a statement ran.'))
    const killed = this.#parts.connector.kill(gate).catch(() => undefined) // it may have ended by itself
    await waitAtMost(KILL_MILLIS, killed)
  }

  async #clean(gate: ServerConnection, place: Place): Promise<void> {
    const { isThorough, reports } = this.#parts
    const left = await findLeftover(gate, place)
    if (left === 'transaction' || left === 'autocommit off') {
      reports.onLeftover(gate, place, left)
    }
    if (left !== 'nothing' || isThorough) await clean(gate, place, isThorough)
  }

  #giveBack(gate: ServerConnection): void {
    gate.vacate()
    if (gate.isUsable && !isExpired(gate, gate.usedAt)) this.#parts.host.putBack(gate)
    else void this.retire(gate)
    this.#parts.events.tell('release', gate)
  }
}
