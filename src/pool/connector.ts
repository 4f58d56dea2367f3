import { AsyncResource } from 'node:async_hooks'
import type { ConnectionOptions } from 'mysql2'
import { withLimit } from '../base/deadline.ts'
import { TenantKnexError } from '../base/errors.ts'
import { inspectDatabases } from '../connection/hidden-code/inspect-databases.ts'
import type { Verdict } from '../connection/hidden-code/verdict.ts'
import { inspectServer, type ServerReport } from '../connection/inspect.ts'
import { type KillTarget, killQueries } from '../connection/kill.ts'
import { type ConnectOptions, type OpenedConnection, openConnection } from '../connection/open.ts'
import type { ConnectionEvents } from '../connection/server-connection.ts'
import type { ResolvedOptions } from '../options/options.ts'
import type { Place } from '../tenants/place.ts'
import { SettingsSource } from './settings-source.ts'
import { SideConnection } from './side-connection.ts'

type Attempt<T> = (settings: ConnectionOptions, signal: AbortSignal) => Promise<T>

/** Makes every connection to a server: those of the pool, and the one beside it. */
export class Connector {
  readonly #timeoutMillis: number
  readonly #options: ConnectOptions
  readonly #settings: SettingsSource
  readonly #attempts = new Set<AbortController>()
  /** It has no tenant's scope. A socket's events run in the scope that the socket was made in. */
  readonly #outside = new AsyncResource('TENANT_KNEX_CONNECTOR')
  #inspection: Promise<ServerReport> | undefined
  #ended: TenantKnexError | undefined
  readonly #side = new SideConnection((targets) =>
    this.#attempt((settings, signal) => killQueries(settings, targets, signal)),
  )

  constructor(server: string, options: ResolvedOptions, events: ConnectionEvents) {
    const { name, session, switchTimeoutMillis, switching: switchMode } = options
    this.#timeoutMillis = options.pool.createTimeoutMillis
    const confirmedAt = new WeakMap<Place, number>()
    this.#options = {
      name,
      server,
      session,
      qualifies: options.qualify === 'auto',
      switchTimeoutMillis,
      switchMode,
      confirmedAt,
      events,
    }
    this.#settings = new SettingsSource(options)
  }

  /** The settings as far as they are known. */
  get settings(): ConnectionOptions | undefined {
    return this.#settings.latest
  }

  /**
   * A connection for the pool.
   *
   * @throws `ERR_SERVER_UNREACHABLE`, `ERR_SERVER_REFUSED`, `ERR_SESSION_SETUP_FAILED`, and what the
   * user's `connection` function throws
   */
  async open(): Promise<OpenedConnection> {
    if (this.#ended) throw this.#ended
    return this.#attempt((settings, signal) => openConnection(settings, this.#options, signal))
  }

  /**
   * Logs in beside the pool, as the pool does, and asks the server about itself. Calls at the same
   * time share one answer.
   *
   * @throws as `open`
   */
  inspect(): Promise<ServerReport> {
    this.#inspection ??= this.#side
      .run(async () => {
        if (this.#ended) throw this.#ended
        return this.#attempt((settings, signal) => inspectServer(settings, this.#options, signal))
      })
      .finally(() => {
        this.#inspection = undefined
      })
    return this.#inspection
  }

  /**
   * Logs in beside the pool, and asks the server whether code runs unseen in databases. Kills wait
   * meanwhile, so ask for few at a time.
   *
   * @throws as `open`
   */
  inspectDatabases(databases: readonly string[]): Promise<ReadonlyMap<string, Verdict>> {
    return this.#side.run(async () => {
      if (this.#ended) throw this.#ended
      return this.#attempt((settings, signal) => inspectDatabases(settings, databases, signal))
    })
  }

  /**
   * Ends the statement that a connection is running, beside the pool and without a database.
   *
   * @throws as `open`, and what the server answers if there is no such connection
   */
  kill(target: KillTarget): Promise<void> {
    return this.#side.kill(target)
  }

  /** Ends every attempt that is under way. From now on only `kill` may connect. */
  end(reason: TenantKnexError): void {
    this.#ended = reason
    this.#abort(reason)
  }

  #abort(reason: TenantKnexError): void {
    for (const controller of this.#attempts) controller.abort(reason)
  }

  /** Resolves once the connection beside the pool is closed. Gives it up after the time. */
  async settled(timeoutMillis: number, reason: TenantKnexError): Promise<void> {
    await withLimit(timeoutMillis, this.#side.settled(), () => this.#abort(reason))
  }

  #attempt<T>(fn: Attempt<T>): Promise<T> {
    return this.#outside.runInAsyncScope(() => this.#inTime(fn))
  }

  /** Limits an attempt to the time that connecting may take. */
  async #inTime<T>(fn: Attempt<T>): Promise<T> {
    const controller = new AbortController()
    const { signal } = controller
    const millis = this.#timeoutMillis
    this.#attempts.add(controller)
    try {
      // The user's function for the settings does not get the signal.
      const aborted = new Promise<never>((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason))
      })
      const done = this.#settings.current().then((settings) => fn(settings, signal))
      const first = Promise.race([aborted, done])
      return await withLimit(millis, first, () => controller.abort(timeoutError(millis)))
    } catch (error) {
      if (signal.aborted) this.#settings.giveUp()
      throw error
    } finally {
      this.#attempts.delete(controller)
    }
  }
}

function timeoutError(millis: number): TenantKnexError {
  return new TenantKnexError(
    'ERR_SERVER_UNREACHABLE',
    `Connecting took more than ${millis} ms (\`pool.createTimeoutMillis\`). Check that the server ` +
      'runs and answers, and that the `connection` option names it.',
    { outcome: 'not-sent' },
  )
}
