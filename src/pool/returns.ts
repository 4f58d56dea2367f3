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
  putBack(connection: ServerConnection): void
  /** Takes connections out of the pool and closes them. */
  drop(connections: readonly ServerConnection[]): void
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
  stateOf(connection: ServerConnection): ConnectionState | undefined {
    return this.#states.get(connection)
  }

  /** Takes a connection back from a tenant: at once if it is ready for anyone. */
  takeBack(connection: ServerConnection, place: Place): void {
    connection.resume()
    if (this.#isReady(connection)) this.#giveBack(connection)
    else void this.#makeReady(connection, place)
  }

  /** Ends the statement that a connection is running. */
  async kill(connection: ServerConnection): Promise<void> {
    const killed = this.#parts.connector.kill(connection)
    this.#kills.set(connection, killed)
    try {
      await killed
    } finally {
      if (this.#kills.get(connection) === killed) this.#kills.delete(connection)
    }
  }

  /** Closes a used connection. It keeps its place in the pool until the server has let it go. */
  async retire(connection: ServerConnection): Promise<void> {
    this.#states.set(connection, 'closing')
    await connection.close()
    this.#states.delete(connection)
    this.#parts.host.drop([connection])
  }

  #isReady(connection: ServerConnection): boolean {
    return (
      !this.#parts.isThorough &&
      !mayStillRun(connection) &&
      !this.#kills.has(connection) &&
      (!connection.isUsable || connection.state.leftover() === 'nothing')
    )
  }

  async #makeReady(connection: ServerConnection, place: Place): Promise<void> {
    try {
      this.#states.set(connection, 'draining')
      await this.#drain(connection)
      await this.#kills.get(connection)?.catch(() => undefined)
      this.#states.set(connection, 'cleaning')
      if (connection.isUsable) await this.#clean(connection, place)
    } catch (error) {
      connection.destroy('not-cleaned', error instanceof Error ? error : new Error(String(error)))
    } finally {
      this.#states.delete(connection)
      this.#giveBack(connection)
    }
  }

  /** Waits until nothing runs on a connection any more; ends what takes too long. */
  async #drain(connection: ServerConnection): Promise<void> {
    if (connection.isUsable && connection.isBusy) await waitAtMost(DRAIN_MILLIS, connection.idle())
    if (mayStillRun(connection)) await this.#abandon(connection)
  }

  /**
   * Closing a socket does not stop the statement at the server, and the server counts the connection
   * until then. So the connection keeps its place in the pool for a while.
   */
  async #abandon(connection: ServerConnection): Promise<void> {
    connection.destroy('abandoned', new Error('The connection was given up while a statement ran.'))
    const killed = this.#parts.connector.kill(connection).catch(() => undefined) // it may have ended by itself
    await waitAtMost(KILL_MILLIS, killed)
  }

  async #clean(connection: ServerConnection, place: Place): Promise<void> {
    const { isThorough, reports } = this.#parts
    const left = await findLeftover(connection, place)
    if (left === 'transaction' || left === 'autocommit off') {
      reports.onLeftover(connection, place, left)
    }
    if (left !== 'nothing' || isThorough) await clean(connection, place, isThorough)
  }

  #giveBack(connection: ServerConnection): void {
    connection.vacate()
    if (connection.isUsable && !isExpired(connection, connection.usedAt))
      this.#parts.host.putBack(connection)
    else void this.retire(connection)
    this.#parts.events.tell('release', connection)
  }
}
