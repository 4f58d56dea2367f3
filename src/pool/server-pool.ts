import { setTimeout as sleep } from 'node:timers/promises'
import type { ConnectionOptions } from 'mysql2'
import type { TenantKnexError } from '../base/errors.ts'
import { releasedError } from '../connection/errors.ts'
import type { Lease } from '../connection/lease.ts'
import type { LeaseUse } from '../connection/lease-host.ts'
import type { ServerConnection } from '../connection/server-connection.ts'
import type { ServerFacts } from '../connection/server-facts.ts'
import type { ResolvedOptions } from '../options/options.ts'
import type { Place } from '../tenants/place.ts'
import { AcquireTimeoutError } from './acquire-timeout.ts'
import { Closer } from './closer.ts'
import { Connector } from './connector.ts'
import { startLifetime } from './health.ts'
import { PlainDatabases } from './hidden-code/plain-databases.ts'
import { Lending } from './lending.ts'
import { PendingAcquire } from './pending-acquire.ts'
import { destroyedError, outcomeOn, queueFullError } from './pool-errors.ts'
import { PoolEvents, type PoolView } from './pool-view.ts'
import { Reports } from './reports.ts'
import { KILL_MILLIS, Returns } from './returns.ts'
import { checkServer, type ServerCheck } from './server-check.ts'
import { type ConnectionInfo, connectionInfo, type ServerStats, serverStats } from './stats.ts'

/** How often `destroy` looks whether all work has ended. */
const QUIET_POLL_MILLIS = 5

/** The one pool of a server: hands connections to tenants and takes them back clean. */
export class ServerPool {
  /** The server's name. */
  readonly server: string
  /** Numbers and events in the words of Knex's pool, for code that reads `knex.client.pool`. */
  readonly view: PoolView
  /** What is known of the code in its databases; undefined if every statement switches. */
  readonly databases: PlainDatabases | undefined
  readonly #options: ResolvedOptions
  readonly #reports: Reports
  readonly #connector: Connector
  readonly #events = new PoolEvents()
  readonly #closer: Closer
  readonly #lending: Lending
  readonly #returns: Returns
  readonly #leases = new Map<Lease, ServerConnection>()
  /** Acquires that have no lease yet. The pool may have given them a connection already. */
  readonly #acquiring = new Set<PendingAcquire>()
  #facts: ServerFacts | undefined
  #destruction: Promise<void> | undefined

  constructor(server: string, options: ResolvedOptions) {
    this.server = server
    this.#options = options
    this.#reports = new Reports(options.name, server)
    this.#connector = new Connector(server, options, {
      onSwitch: (need) => this.#reports.onSwitch(need),
      onRefusal: (error) => this.#reports.onRefusal(error),
      onDefinition: ({ database }) => this.databases?.onDefinition(database),
    })
    if (options.qualify === 'auto') {
      this.databases = new PlainDatabases((databases) =>
        this.#connector.inspectDatabases(databases),
      )
    }
    this.#closer = new Closer(this.#reports, this.#events)
    this.#lending = new Lending(options.pool, () => this.#open(), this.#closer, this.#events)
    this.#returns = new Returns({
      isThorough: options.clean === 'always',
      connector: this.#connector,
      reports: this.#reports,
      events: this.#events,
      host: this.#lending,
    })
    this.view = this.#events.viewOf(this.#lending)
  }

  /** The server's facts; undefined before the first connection. */
  get facts(): ServerFacts | undefined {
    return this.#facts
  }

  /** True if the server gets a statement's own text. A `queryFormat` can change the text. */
  get trustsTexts(): boolean {
    return this.settings?.queryFormat === undefined
  }

  /** The settings of connections; undefined before a `connection` function has answered. */
  get settings(): ConnectionOptions | undefined {
    return this.#connector.settings
  }

  /**
   * A connection for a tenant. Sends nothing for the tenant: the first command switches the
   * connection.
   *
   * @throws `ERR_DESTROYED`, `ERR_ACQUIRE_TIMEOUT`, `ERR_TENANT_QUEUE_FULL`, and what opening a
   * connection throws
   */
  acquire(place: Place, use: LeaseUse = 'session'): Promise<Lease> {
    return this.#events.ofAcquire(() => this.#acquire(place, use))
  }

  async #acquire(place: Place, use: LeaseUse): Promise<Lease> {
    if (this.#destruction) throw this.#refused(destroyedError(place))
    const startedAt = this.#reports.onAcquire()
    const takesAny = use !== 'statements' && this.databases?.isPlain(place.database) === true
    const found = this.#lending.acquire(place, takesAny)
    if (found === undefined) throw this.#refused(queueFullError(place, this.#options.pool))
    const isPending = found instanceof PendingAcquire
    const lease = isPending ? await this.#wait(found, use) : this.#lease(found, place, use)
    this.#reports.onAcquired(lease, startedAt)
    return lease
  }

  /**
   * Takes a connection back. The pool reads what still runs on it to its end, and cleans what it
   * leaves behind, before it gives the connection to anyone else. Only the first release of a lease
   * does anything.
   */
  release(lease: Lease, reason?: TenantKnexError): void {
    const connection = this.#leases.get(lease)
    if (connection === undefined) return
    lease.revoke(reason)
    this.#leases.delete(lease)
    this.#reports.onRelease(lease, connection.usedAt)
    this.#returns.takeBack(connection, lease.place)
  }

  /** Ends the statement that a lease's connection is running, over one connection beside the pool. */
  async cancel(lease: Lease): Promise<void> {
    const connection = this.#leases.get(lease)
    if (connection === undefined) throw releasedError(lease.place, lease.threadId)
    await this.#returns.kill(connection)
  }

  onRefusal(error: TenantKnexError): void {
    this.#reports.onRefusal(error)
  }

  /**
   * Logs in as the pool does, over a connection beside the pool.
   *
   * @throws `ERR_DESTROYED`, `ERR_SERVER_UNREACHABLE`, `ERR_SERVER_REFUSED`,
   * `ERR_SESSION_SETUP_FAILED`, and what the user's `connection` function throws
   */
  async check(): Promise<ServerCheck> {
    if (this.#destruction) throw destroyedError(undefined)
    const report = await this.#connector.inspect()
    return checkServer(this.server, report, this.#options.pool, this.databases)
  }

  stats(): ServerStats {
    const { counters } = this.#reports
    return serverStats(
      this.server,
      this.#options,
      this.#lending,
      counters,
      this.databases?.report(),
    )
  }

  connections(): ConnectionInfo[] {
    const stateOf = (connection: ServerConnection) => this.#returns.stateOf(connection) ?? 'used'
    return [
      ...this.#lending.used().map((connection) => connectionInfo(connection, stateOf(connection))),
      ...this.#lending.idle().map((connection) => connectionInfo(connection, 'idle')),
    ]
  }

  /** True while anything runs in a tenant's place, or waits for a connection to it. */
  isOccupied(place: Place): boolean {
    const holders = this.#lending.used().map((connection) => connection.holder?.place)
    return holders.includes(place) || [...this.#acquiring].some((one) => one.place === place)
  }

  /** Closes the idle connections whose session is a tenant's. */
  forget(tenantId: string): void {
    const own = this.#lending.idle().filter(({ state }) => state.owner?.tenant.id === tenantId)
    for (const connection of own) connection.markUnusable('forgotten')
    this.#lending.drop(own)
  }

  /** Refuses new work, lets running work end within the time, then closes every connection. */
  destroy(timeoutMillis: number): Promise<void> {
    this.#destruction ??= this.#destroy(timeoutMillis)
    return this.#destruction
  }

  async #destroy(timeoutMillis: number): Promise<void> {
    const deadline = performance.now() + timeoutMillis
    this.#closer.isDestroying = true
    this.databases?.stop()
    this.#lending.stopWidening()
    while (!this.#isQuiet() && performance.now() < deadline) await sleep(QUIET_POLL_MILLIS)
    const reason = destroyedError(undefined)
    this.#connector.end(reason)
    for (const [lease, connection] of this.#leases) {
      connection.destroy('destroyed', destroyedError(lease.place, outcomeOn(connection)))
      this.release(lease, destroyedError(lease.place))
    }
    for (const connection of this.#lending.used()) {
      connection.destroy('destroyed', destroyedError(undefined, outcomeOn(connection)))
    }
    await this.#lending.close()
    await this.#connector.settled(KILL_MILLIS, reason)
  }

  #isQuiet(): boolean {
    const coming = this.#acquiring.size + this.#lending.probing
    return this.#leases.size === 0 && this.#returns.size === 0 && coming === 0
  }

  async #open(): Promise<ServerConnection> {
    this.#reports.counters.connects++
    const { connection, facts } = await this.#connector.open()
    this.#facts = facts
    return connection
  }

  #lease(connection: ServerConnection, place: Place, use: LeaseUse): Lease {
    const lease = connection.lease(place, use)
    this.#leases.set(lease, connection)
    startLifetime(connection, this.#options.pool.maxLifetimeMillis)
    return lease
  }

  async #wait(pending: PendingAcquire, use: LeaseUse): Promise<Lease> {
    const { place } = pending
    const { max } = this.#options.pool
    if (pending.isWaiting) this.#reports.onWait(place, this.#lending, max)
    this.#acquiring.add(pending)
    try {
      const connection = await pending.promise
      if (connection.unusable?.reason !== 'destroyed') return this.#lease(connection, place, use)
      // The pool was destroyed after it gave the connection. A lease would never be revoked.
      void this.#returns.retire(connection)
      throw destroyedError(place)
    } catch (error) {
      if (error instanceof AcquireTimeoutError) this.#reports.counters.timeouts++
      else if (this.#destruction) throw destroyedError(place)
      throw error
    } finally {
      this.#acquiring.delete(pending)
    }
  }

  #refused(error: TenantKnexError): TenantKnexError {
    this.onRefusal(error)
    return error
  }
}
