import { setTimeout as sleep } from 'node:timers/promises'
import type { ConnectionOptions } from 'mysql2'
import { TimeoutError } from 'tarn'
import { killQuery, openConnection, type ServerFacts } from '../connection/connect.ts'
import type { Gate, GateEvents } from '../connection/gate.ts'
import { type Lease, releasedError } from '../connection/lease.ts'
import { reportLeftover } from '../diagnostics.ts'
import { AcquireTimeoutError, type Outcome, TenantKnexError } from '../errors.ts'
import type { Tenant } from '../identifiers.ts'
import type { ResolvedConnection, ResolvedOptions } from '../options.ts'
import { GatePool, type PendingAcquire, type PoolView, poolView } from './gate-pool.ts'
import {
  type ConnectionInfo,
  type ConnectionState,
  newCounters,
  type ServerCounters,
  type ServerStats,
} from './stats.ts'

/**
 * How long the rest of an answer that nobody reads any more is read, so that its connection can be
 * used again. A longer one costs less to close.
 */
const DRAIN_MILLIS = 5_000

/** How often `destroy` looks whether all work has ended. */
const QUIET_POLL_MILLIS = 5

/** The one pool of a server: hands connections to tenants and takes them back clean. */
export class ServerPool {
  /** Numbers in the words of Knex's pool, for code that reads `knex.client.pool`. */
  readonly view: PoolView

  readonly #options: ResolvedOptions
  readonly #pool: GatePool
  readonly #leases = new Map<Lease, Gate>()
  /** A KILL on its way must find the statement it is meant for, or none: its connection waits. */
  readonly #cancels = new Map<Gate, Promise<void>>()
  readonly #settling = new Map<Gate, 'draining' | 'cleaning'>()
  readonly #counters: ServerCounters = newCounters()
  readonly #events: GateEvents
  #settings: Promise<ResolvedConnection> | undefined
  #facts: ServerFacts | undefined
  #destruction: Promise<void> | undefined
  #lastKill: Promise<void> = Promise.resolve()

  constructor(options: ResolvedOptions) {
    this.#options = options
    this.#events = {
      onSwitch: (need) => {
        this.#counters.switches++
        if (need === 'hand-over') this.#counters.handOvers++
      },
    }
    this.#pool = new GatePool({
      ...options.pool,
      create: () => this.#open(),
      validate: (gate) => gate.isUsable,
      destroy: (gate) => gate.close(),
      propagateCreateError: true,
    })
    this.view = poolView(this.#pool)
  }

  /** What the server said of itself; undefined before the first connection. */
  get facts(): ServerFacts | undefined {
    return this.#facts
  }

  /**
   * A connection for a tenant. Sends nothing: the connection is switched by the first command.
   *
   * @throws `ERR_DESTROYED`, `ERR_ACQUIRE_TIMEOUT`, and what opening a connection throws
   */
  async acquire(tenant: Tenant): Promise<Lease> {
    if (this.#destruction) throw destroyedError(tenant)
    this.#counters.acquires++
    const pending = this.#pool.acquireFor(tenant.database)
    const gate = await pending.promise.catch((error: unknown) => {
      throw this.#acquireError(error, pending, tenant)
    })
    const lease = gate.lease(tenant)
    this.#leases.set(lease, gate)
    return lease
  }

  /**
   * Takes a connection back. What still runs on it is read to its end, and what it leaves behind is
   * cleaned, before anyone else gets it. Anything but the first release of a lease does nothing.
   */
  release(lease: Lease): void {
    const gate = this.#leases.get(lease)
    if (gate === undefined) return
    lease.revoke()
    this.#leases.delete(lease)
    if (gate.connection._paused) gate.connection.resume()
    if (this.#isReady(gate)) this.#giveBack(gate)
    else void this.#settle(gate, lease.tenant)
  }

  /**
   * Ends the statement that a lease's connection is running, over a connection of its own: one at a
   * time, outside the pool, and without a database.
   */
  async cancel(lease: Lease): Promise<void> {
    const gate = this.#leases.get(lease)
    if (gate === undefined) throw releasedError(lease.tenant, lease.threadId)
    const killed = this.#kill(gate.connectionId)
    this.#cancels.set(gate, killed)
    try {
      await killed
    } finally {
      if (this.#cancels.get(gate) === killed) this.#cancels.delete(gate)
    }
  }

  /** Another tenant whose session an open connection to this tenant's database still holds. */
  otherOwner(tenant: Tenant): Tenant | undefined {
    const { idle, used } = this.#pool.gates()
    for (const { state } of [...idle, ...used]) {
      const { owner } = state
      if (owner && owner.database === tenant.database && owner.id !== tenant.id) return owner
    }
    return undefined
  }

  stats(): ServerStats {
    const { idle, used } = this.#pool.gates()
    return {
      ...this.#counters,
      max: this.#options.pool.max,
      connections: idle.length + used.length,
      idle: idle.length,
      used: used.length,
      waiting: this.#pool.numPendingAcquires(),
      switching: 'roundtrip',
      isTracked: [...idle, ...used].some((gate) => gate.isTracked),
    }
  }

  connections(): ConnectionInfo[] {
    const { idle, used } = this.#pool.gates()
    return [
      ...used.map((gate) => describe(gate, this.#settling.get(gate) ?? 'used')),
      ...idle.map((gate) => describe(gate, 'idle')),
    ]
  }

  /** Refuses new work, lets running work end within the time, then closes every connection. */
  destroy(timeoutMillis: number): Promise<void> {
    this.#destruction ??= this.#destroy(timeoutMillis)
    return this.#destruction
  }

  async #destroy(timeoutMillis: number): Promise<void> {
    const deadline = Date.now() + timeoutMillis
    while (!this.#isQuiet() && Date.now() < deadline) await sleep(QUIET_POLL_MILLIS)
    for (const [lease, gate] of this.#leases) {
      gate.destroy(destroyedError(lease.tenant, gate.isBusy ? 'unknown' : 'not-sent'))
      this.release(lease)
    }
    for (const gate of this.#settling.keys()) gate.destroy(destroyedError(undefined))
    await this.#pool.destroy()
    await this.#lastKill
  }

  #isQuiet(): boolean {
    const waiting = this.#pool.numPendingAcquires() + this.#pool.numPendingValidations()
    return this.#leases.size === 0 && this.#settling.size === 0 && waiting === 0
  }

  #kill(connectionId: number): Promise<void> {
    const { createTimeoutMillis } = this.#options.pool
    const killed = this.#lastKill.then(async () =>
      killQuery(await this.#driverOptions(), connectionId, createTimeoutMillis),
    )
    this.#lastKill = killed.catch(() => undefined)
    return killed
  }

  /** Asks for the settings once for all who need them at a time, and again when they expired. */
  async #driverOptions(): Promise<ConnectionOptions> {
    this.#settings ??= this.#options.connect()
    const asked = this.#settings
    try {
      const { options, isExpired } = await asked
      if (!isExpired()) return options
    } catch (error) {
      if (this.#settings === asked) this.#settings = undefined
      throw error
    }
    if (this.#settings === asked) this.#settings = this.#options.connect()
    return (await this.#settings).options
  }

  async #open(): Promise<Gate> {
    const { session, switchTimeoutMillis, pool } = this.#options
    this.#counters.connects++
    const { gate, facts } = await openConnection(await this.#driverOptions(), {
      session,
      switchTimeoutMillis,
      connectTimeoutMillis: pool.createTimeoutMillis,
      events: this.#events,
    })
    this.#facts = facts
    return gate
  }

  /** True where a connection can be taken back as it is. */
  #isReady(gate: Gate): boolean {
    return (
      this.#options.clean === 'hand-over' &&
      !gate.isBusy &&
      !this.#cancels.has(gate) &&
      (!gate.isUsable || gate.state.leftover() === 'nothing')
    )
  }

  async #settle(gate: Gate, tenant: Tenant): Promise<void> {
    try {
      this.#settling.set(gate, 'draining')
      await this.#drain(gate)
      await this.#cancels.get(gate)?.catch(() => undefined)
      this.#settling.set(gate, 'cleaning')
      if (gate.isUsable) await this.#clean(gate, tenant)
    } catch (error) {
      gate.destroy(error instanceof Error ? error : new Error(String(error)))
    } finally {
      this.#settling.delete(gate)
      this.#giveBack(gate)
    }
  }

  /** Waits until nothing runs on a connection any more; ends what takes too long. */
  async #drain(gate: Gate): Promise<void> {
    if (!gate.isBusy) return
    if (!gate.isUsable) return this.#abandon(gate)
    const timer = setTimeout(() => this.#abandon(gate), DRAIN_MILLIS)
    await gate.idle()
    clearTimeout(timer)
  }

  /** Closing a socket does not stop the statement at the server. */
  #abandon(gate: Gate): void {
    gate.destroy(new Error('The connection was given up while a statement ran.'))
    this.#kill(gate.connectionId).catch(() => undefined) // it may have ended by itself
  }

  async #clean(gate: Gate, tenant: Tenant): Promise<void> {
    const found = await gate.clean(tenant, this.#options.clean === 'always')
    if (found !== 'transaction' && found !== 'autocommit off') return
    this.#counters.leftovers++
    const { id, database } = tenant
    reportLeftover({ tenant: id, database, connectionId: gate.connectionId, left: found })
  }

  #giveBack(gate: Gate): void {
    gate.vacate()
    this.#pool.release(gate)
    if (gate.isUsable) return
    this.#counters.discards++
    this.#pool.discard(gate)
  }

  #acquireError(error: unknown, pending: PendingAcquire, tenant: Tenant): unknown {
    if (this.#destruction && !(error instanceof TimeoutError)) return destroyedError(tenant)
    if (error instanceof TenantKnexError) return forTenant(error, tenant)
    if (!(error instanceof TimeoutError)) return error
    const { idle, used } = this.#pool.gates()
    this.#counters.timeouts++
    return new AcquireTimeoutError(
      tenant,
      {
        total: idle.length + used.length,
        used: used.length,
        idle: idle.length,
        waiting: this.#pool.numPendingAcquires(),
      },
      this.#options.pool.acquireTimeoutMillis,
      pending.possibleTimeoutCause ?? undefined,
    )
  }
}

function describe(gate: Gate, state: ConnectionState): ConnectionInfo {
  return {
    connectionId: gate.connectionId,
    tenant: (gate.holder?.tenant ?? gate.state.owner)?.id,
    database: gate.state.database,
    state,
    since: new Date(gate.since),
  }
}

/** A connection is opened for nobody; who waited for it wants to know that it was they. */
function forTenant(error: TenantKnexError, { id, database }: Tenant): TenantKnexError {
  const { code, message, connectionId, outcome, cause } = error
  return new TenantKnexError(code, message, { tenant: id, database, connectionId, outcome, cause })
}

function destroyedError(
  tenant: Tenant | undefined,
  outcome: Outcome = 'not-sent',
): TenantKnexError {
  return new TenantKnexError(
    'ERR_DESTROYED',
    'This tenantKnex has been destroyed. Create a new one to go on.',
    { tenant: tenant?.id, database: tenant?.database, outcome },
  )
}
