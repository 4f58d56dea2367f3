import { AsyncResource } from 'node:async_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ConnectionOptions } from 'mysql2'
import { TimeoutError } from 'tarn'
import { CHANNELS } from '../base/diagnostics.ts'
import { type Outcome, serverErrno, TenantKnexError } from '../base/errors.ts'
import { clean, findLeftover, probe } from '../connection/cleaning.ts'
import type { ServerFacts } from '../connection/connect.ts'
import type { Gate } from '../connection/gate.ts'
import { type Lease, releasedError } from '../connection/lease.ts'
import type { ResolvedOptions } from '../options/options.ts'
import { aboutPlace, type Place } from '../tenants/place.ts'
import { AcquireTimeoutError, type HeldConnection } from './acquire-timeout.ts'
import { Connector } from './connector.ts'
import { GatePool } from './gate-pool.ts'
import { PendingAcquire } from './pending-acquire.ts'
import { PoolEvents, type PoolView } from './pool-view.ts'
import { checkServer, type ServerCheck } from './server-check.ts'
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

/**
 * How long an idle connection is taken to be alive. After that it is asked, so that a dead one is
 * found, and replaced, before a tenant's statement leaves.
 */
const TRUSTED_IDLE_MILLIS = 5_000

/** Share of a connection's lifetime by which it may be shortened, so that not all end at once. */
const LIFETIME_JITTER = 0.1

/** How often `destroy` looks whether all work has ended. */
const QUIET_POLL_MILLIS = 5

/** How long the killing of a statement may keep others waiting. */
const KILL_MILLIS = 1_000

/** The one pool of a server: hands connections to tenants and takes them back clean. */
export class ServerPool {
  /** The server's name. */
  readonly server: string
  readonly #options: ResolvedOptions
  readonly #connector: Connector
  readonly #pool: GatePool
  readonly #events: PoolEvents
  readonly #leases = new Map<Lease, Gate>()
  /** A KILL on its way must find the statement it is meant for, or none: its connection waits. */
  readonly #cancels = new Map<Gate, Promise<void>>()
  readonly #settling = new Map<Gate, Exclude<ConnectionState, 'idle' | 'used'>>()
  readonly #counters: ServerCounters = newCounters()
  /** Acquires that have not got their lease yet, also where the pool has given them a connection. */
  readonly #acquiring = new Map<PendingAcquire, Place>()
  /** Outside any tenant's scope: who has a connection closed need not be who held it. */
  readonly #outside = new AsyncResource('TENANT_KNEX_POOL')
  #facts: ServerFacts | undefined
  #destruction: Promise<void> | undefined

  constructor(server: string, options: ResolvedOptions) {
    this.server = server
    this.#options = options
    this.#connector = new Connector(server, options, {
      onSwitch: (need) => {
        this.#counters.switches++
        if (need === 'hand-over') this.#counters.handOvers++
      },
      onRefusal: (error) => this.onRefusal(error),
    })
    const {
      maxLifetimeMillis: _ours,
      maxPerTenant,
      maxWaitingPerTenant,
      ...tarnOptions
    } = options.pool
    const limits = { max: options.pool.max, maxPerTenant, maxWaitingPerTenant }
    this.#pool = new GatePool(
      {
        ...tarnOptions,
        createTimeoutMillis: 2 * options.pool.createTimeoutMillis, // only a net under our own
        create: () => this.#open(),
        // tarn awaits the answer, though its types do not say so.
        validate: (gate) => this.#isAlive(gate) as boolean,
        destroy: (gate) => this.#outside.runInAsyncScope(() => this.#close(gate)),
        propagateCreateError: true,
      },
      limits,
    )
    this.#events = new PoolEvents(this.#pool)
  }

  /** Numbers and events in the words of Knex's pool, for code that reads `knex.client.pool`. */
  get view(): PoolView {
    return this.#events.view
  }

  /** What the server said of itself; undefined before the first connection. */
  get facts(): ServerFacts | undefined {
    return this.#facts
  }

  /** True if a session is handed over as it is after statements that leave nothing in it. */
  get trustsHarmless(): boolean {
    return this.#options.clean === 'when-dirty' && this.trustsTexts
  }

  /** True if the server gets a statement's own text: a `queryFormat` can make any other of it. */
  get trustsTexts(): boolean {
    return this.settings?.queryFormat === undefined
  }

  /** What connections are made with; undefined before a `connection` function has answered. */
  get settings(): ConnectionOptions | undefined {
    return this.#connector.settings
  }

  /**
   * A connection for a tenant. Sends nothing of the tenant's: the connection is switched by the
   * first command.
   *
   * @throws `ERR_DESTROYED`, `ERR_ACQUIRE_TIMEOUT`, `ERR_TENANT_QUEUE_FULL`, and what opening a
   * connection throws
   */
  acquire(place: Place): Promise<Lease> {
    return this.#events.ofAcquire(() => this.#acquire(place))
  }

  async #acquire(place: Place): Promise<Lease> {
    if (this.#destruction) throw this.#refused(destroyedError(place))
    this.#counters.acquires++
    const startedAt = CHANNELS.acquire.hasSubscribers ? performance.now() : 0
    const found = this.#pool.acquireFor(place.database)
    if (found === undefined) throw this.#refused(this.#queueFullError(place))
    const isPending = found instanceof PendingAcquire
    const lease = isPending ? await this.#wait(found, place) : this.#lease(found, place)
    if (startedAt > 0) {
      const waitedMillis = performance.now() - startedAt
      CHANNELS.acquire.publish({ name: this.#options.name, ...describeLease(lease), waitedMillis })
    }
    return lease
  }

  /**
   * Takes a connection back. What still runs on it is read to its end, and what it leaves behind is
   * cleaned, before anyone else gets it. Anything but the first release of a lease does nothing.
   */
  release(lease: Lease, reason?: TenantKnexError): void {
    const gate = this.#leases.get(lease)
    if (gate === undefined) return
    lease.revoke(reason)
    this.#leases.delete(lease)
    this.#counters.releases++
    if (CHANNELS.release.hasSubscribers) {
      CHANNELS.release.publish({
        name: this.#options.name,
        ...describeLease(lease),
        heldMillis: performance.now() - gate.usedAt,
      })
    }
    if (gate.connection._paused) gate.connection.resume()
    if (this.#isReady(gate)) this.#giveBack(gate)
    else void this.#settle(gate, lease.place)
  }

  /**
   * Ends the statement that a lease's connection is running, over a connection of its own: one at a
   * time, outside the pool, and without a database.
   */
  async cancel(lease: Lease): Promise<void> {
    const gate = this.#leases.get(lease)
    if (gate === undefined) throw releasedError(lease.place, lease.threadId)
    const killed = this.#connector.kill(gate)
    this.#cancels.set(gate, killed)
    try {
      await killed
    } finally {
      if (this.#cancels.get(gate) === killed) this.#cancels.delete(gate)
    }
  }

  /** Counts and reports that a call of a tenant's was refused. */
  onRefusal(error: TenantKnexError): void {
    this.#counters.refusals++
    const { server } = this
    const { name } = this.#options
    if (CHANNELS.refusal.hasSubscribers)
      CHANNELS.refusal.publish({ name, server, tenant: error.tenant, error })
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
    return checkServer(this.server, report, this.#options.pool)
  }

  stats(): ServerStats {
    const { idle, used } = this.#pool.gates()
    return {
      server: this.server,
      ...this.#counters,
      max: this.#options.pool.max,
      connections: idle.length + used.length,
      idle: idle.length,
      used: used.length,
      waiting: this.#pool.numPendingAcquires(),
      switching: this.#options.switching,
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

  /** True while anything runs in a tenant's place, or waits for a connection to it. */
  isOccupied(place: Place): boolean {
    const holders = this.#pool.gates().used.map((gate) => gate.holder?.place)
    return holders.includes(place) || [...this.#acquiring.values()].includes(place)
  }

  /** Closes the idle connections whose session is a tenant's. */
  forget(tenantId: string): void {
    for (const gate of this.#pool.gates().idle) {
      if (gate.state.owner?.tenant.id !== tenantId) continue
      gate.dispose('forgotten')
      this.#pool.discardIdle(gate)
    }
  }

  /** Refuses new work, lets running work end within the time, then closes every connection. */
  destroy(timeoutMillis: number): Promise<void> {
    this.#destruction ??= this.#destroy(timeoutMillis)
    return this.#destruction
  }

  async #destroy(timeoutMillis: number): Promise<void> {
    const deadline = performance.now() + timeoutMillis
    this.#pool.stopWidening()
    while (!this.#isQuiet() && performance.now() < deadline) await sleep(QUIET_POLL_MILLIS)
    const reason = destroyedError(undefined)
    this.#connector.end(reason)
    for (const [lease, gate] of this.#leases) {
      gate.destroy('destroyed', destroyedError(lease.place, outcomeOn(gate)))
      this.release(lease, destroyedError(lease.place))
    }
    for (const gate of this.#pool.gates().used) {
      gate.destroy('destroyed', destroyedError(undefined, outcomeOn(gate)))
    }
    await this.#pool.destroy()
    await this.#connector.settled(KILL_MILLIS, reason)
  }

  #isQuiet(): boolean {
    const coming = this.#acquiring.size + this.#pool.numPendingValidations()
    return this.#leases.size === 0 && this.#settling.size === 0 && coming === 0
  }

  async #open(): Promise<Gate> {
    this.#counters.connects++
    const { gate, facts } = await this.#connector.open().catch((error: unknown) => {
      this.#pool.tellConnectErrors(!(isServerFull(error) && this.#pool.size > 0))
      throw error
    })
    this.#facts = facts
    return gate
  }

  /** tarn asks before it hands a connection out. */
  #isAlive(gate: Gate): boolean | Promise<boolean> {
    const now = performance.now()
    if (!gate.isUsable || isExpired(gate, now)) return false
    return isTrusted(gate, now) || this.#probe(gate)
  }

  /** Where one connection has died unnoticed, those that were idle as long have not fared better. */
  async #probe(gate: Gate): Promise<boolean> {
    if (await probe(gate)) return true
    const now = performance.now()
    for (const other of this.#pool.gates().idle) {
      if (isTrusted(other, now)) continue
      other.destroy('lost', gate.disposal?.error as Error)
      this.#pool.discardIdle(other)
    }
    return false
  }

  #lifetime(): number {
    return this.#options.pool.maxLifetimeMillis * (1 - LIFETIME_JITTER * Math.random())
  }

  /** tarn closes a connection here, whoever gave the reason. */
  async #close(gate: Gate): Promise<void> {
    if (this.#destruction) gate.dispose('destroyed')
    const closed = gate.close()
    this.#counters.discards++
    if (CHANNELS.discard.hasSubscribers) {
      const tenant = gate.state.owner?.tenant.id
      const { reason = 'idle', error } = gate.disposal ?? {}
      const { name, server, connectionId } = gate
      CHANNELS.discard.publish({ name, server, tenant, connectionId, reason, error })
    }
    await closed
  }

  /** True where a connection can be taken back as it is. */
  #isReady(gate: Gate): boolean {
    return (
      this.#options.clean !== 'always' &&
      !mayStillRun(gate) &&
      !this.#cancels.has(gate) &&
      (!gate.isUsable || gate.state.leftover() === 'nothing')
    )
  }

  async #settle(gate: Gate, place: Place): Promise<void> {
    try {
      this.#settling.set(gate, 'draining')
      await this.#drain(gate)
      await this.#cancels.get(gate)?.catch(() => undefined)
      this.#settling.set(gate, 'cleaning')
      if (gate.isUsable) await this.#clean(gate, place)
    } catch (error) {
      gate.destroy('not-cleaned', error instanceof Error ? error : new Error(String(error)))
    } finally {
      this.#settling.delete(gate)
      this.#giveBack(gate)
    }
  }

  /** Waits until nothing runs on a connection any more; ends what takes too long. */
  async #drain(gate: Gate): Promise<void> {
    if (gate.isUsable && gate.isBusy) await atMost(DRAIN_MILLIS, gate.idle())
    if (mayStillRun(gate)) await this.#abandon(gate)
  }

  /**
   * Closing a socket does not stop the statement at the server, which counts the connection until
   * then: its place in the pool stays taken for a while.
   */
  async #abandon(gate: Gate): Promise<void> {
    gate.destroy('abandoned', new Error('The connection was given up while a statement ran.'))
    const killed = this.#connector.kill(gate).catch(() => undefined) // it may have ended by itself
    await atMost(KILL_MILLIS, killed)
  }

  async #clean(gate: Gate, place: Place): Promise<void> {
    const isThorough = this.#options.clean === 'always'
    const left = await findLeftover(gate, place)
    if (left === 'transaction' || left === 'autocommit off') {
      this.#counters.leftovers++
      const { server, database, tenant } = place
      const { name, connectionId } = gate
      if (CHANNELS.leftover.hasSubscribers) {
        const about = { name, server, tenant: tenant.id, database, connectionId }
        CHANNELS.leftover.publish({ ...about, left })
      }
    }
    if (left !== 'nothing' || isThorough) await clean(gate, place, isThorough)
  }

  #giveBack(gate: Gate): void {
    gate.vacate()
    if (gate.isUsable && !isExpired(gate, gate.usedAt)) this.#pool.release(gate)
    else void this.#retire(gate)
    this.#events.tell('release', gate)
  }

  /** Another connection may take its place once the server has let it go. */
  async #retire(gate: Gate): Promise<void> {
    this.#settling.set(gate, 'closing')
    await gate.close()
    this.#settling.delete(gate)
    this.#pool.discard(gate)
  }

  #lease(gate: Gate, place: Place): Lease {
    const lease = gate.lease(place)
    this.#leases.set(lease, gate)
    if (gate.expiresAt === Number.POSITIVE_INFINITY) gate.expiresAt = gate.usedAt + this.#lifetime()
    return lease
  }

  async #wait(pending: PendingAcquire, place: Place): Promise<Lease> {
    if (pending.isWaiting) this.#onWait(place)
    this.#acquiring.set(pending, place)
    try {
      const gate = await pending.promise
      if (gate.disposal?.reason === 'destroyed') this.#refuseLate(gate)
      return this.#lease(gate, place)
    } catch (error) {
      throw this.#acquireError(error, pending, place)
    } finally {
      this.#acquiring.delete(pending)
    }
  }

  /** The pool was destroyed between giving the connection and its lease: nobody will revoke that. */
  #refuseLate(gate: Gate): never {
    void this.#retire(gate)
    throw destroyedError(undefined)
  }

  #onWait({ server, database, tenant }: Place): void {
    this.#counters.waits++
    if (!CHANNELS.wait.hasSubscribers) return
    const waiting = this.#pool.numPendingAcquires()
    const { name, pool } = this.#options
    const used = this.#pool.numUsed()
    CHANNELS.wait.publish({
      name,
      server,
      tenant: tenant.id,
      database,
      waiting,
      used,
      max: pool.max,
    })
  }

  #refused(error: TenantKnexError): TenantKnexError {
    this.onRefusal(error)
    return error
  }

  #queueFullError(place: Place): TenantKnexError {
    const { max, maxWaitingPerTenant } = this.#options.pool
    return new TenantKnexError(
      'ERR_TENANT_QUEUE_FULL',
      `${maxWaitingPerTenant} queries of tenant ${JSON.stringify(place.tenant.id)} wait for one of ` +
        `${max} connections already (\`pool.maxWaitingPerTenant\`). Ask for less at a time, or ` +
        'look for what holds the connections.',
      { ...aboutPlace(place), outcome: 'not-sent' },
    )
  }

  #acquireError(error: unknown, pending: PendingAcquire, place: Place): unknown {
    if (this.#destruction && !(error instanceof TimeoutError)) return destroyedError(place)
    if (error instanceof TenantKnexError) return forPlace(error, place)
    if (!(error instanceof TimeoutError)) return error
    const { idle, used } = this.#pool.gates()
    const own = used.filter((gate) => gate.holder?.tenant.id === place.tenant.id)
    const { max, acquireTimeoutMillis } = this.#options.pool
    this.#counters.timeouts++
    return new AcquireTimeoutError(
      place,
      {
        total: idle.length + used.length,
        used: used.length,
        own: own.length,
        inTransaction: own.filter(isInTransaction).length,
        idle: idle.length,
        waiting: this.#pool.numPendingAcquires(),
        max,
        limit: this.#pool.limitOf(place.database),
        longestHeld: longestHeld(used),
      },
      acquireTimeoutMillis,
      pending.possibleTimeoutCause,
    )
  }
}

function longestHeld(gates: readonly Gate[]): HeldConnection | undefined {
  const held = gates.filter(({ holder }) => holder !== undefined)
  const [gate] = held.sort((one, other) => one.usedAt - other.usedAt)
  return (
    gate?.holder && {
      tenant: gate.holder.tenant.id,
      connectionId: gate.connectionId,
      heldMillis: performance.now() - gate.usedAt,
      isInTransaction: isInTransaction(gate),
    }
  )
}

/** As the server says; where its last answer was an error, by Knex's mark of who holds it. */
function isInTransaction({ isInTransaction, holder }: Gate): boolean {
  return isInTransaction ?? holder?.__knexTxId !== undefined
}

/** True where a connection was in use so lately that it need not be asked whether it is there. */
function isTrusted({ usedAt }: Gate, now: number): boolean {
  return now - usedAt < TRUSTED_IDLE_MILLIS
}

/** True, and marked as such, where a connection has been in use for long enough. */
function isExpired(gate: Gate, now: number): boolean {
  if (now < gate.expiresAt) return false
  gate.dispose('lifetime')
  return true
}

/**
 * True where the server may be at work for a connection that is of no use any more. Not where the
 * connection was lost: its id may be another's by now.
 */
function mayStillRun({ isBusy, isInFlight, disposal }: Gate): boolean {
  if (disposal?.reason === 'lost') return false
  const isLateSwitch = (disposal?.error as { code?: string } | null)?.code === 'ERR_SWITCH_TIMEOUT'
  return isBusy || isInFlight || isLateSwitch
}

/** What becomes of a statement whose connection is closed now. */
function outcomeOn({ isInFlight }: Gate): Outcome {
  return isInFlight ? 'unknown' : 'not-sent'
}

/** Waits for a promise, but not for ever. */
async function atMost(millis: number, promise: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, millis)
  })
  await Promise.race([promise, late])
  clearTimeout(timer)
}

/** Too many connections at the server (1040), or of this account (1203, 1226). */
function isServerFull(error: unknown): boolean {
  const errno = error instanceof TenantKnexError ? serverErrno(error.cause) : undefined
  return errno === 1040 || errno === 1203 || errno === 1226
}

function describe(gate: Gate, state: ConnectionState): ConnectionInfo {
  return {
    server: gate.server,
    connectionId: gate.connectionId,
    tenant: (gate.holder?.place ?? gate.state.owner)?.tenant.id,
    database: gate.state.database,
    state,
    since: new Date(performance.timeOrigin + gate.usedAt),
  }
}

function describeLease({ place, threadId }: Lease): {
  server: string
  tenant: string
  database: string
  connectionId: number
} {
  const { server, database, tenant } = place
  return { server, tenant: tenant.id, database, connectionId: threadId }
}

/** A connection is opened for nobody; who waited for it wants to know that it was they. */
function forPlace(error: TenantKnexError, place: Place): TenantKnexError {
  const { code, message, connectionId, outcome, cause } = error
  return new TenantKnexError(code, message, { ...aboutPlace(place), connectionId, outcome, cause })
}

function destroyedError(place: Place | undefined, outcome: Outcome = 'not-sent'): TenantKnexError {
  return new TenantKnexError(
    'ERR_DESTROYED',
    'This tenantKnex has been destroyed. Create a new one to go on.',
    { ...aboutPlace(place), outcome },
  )
}
