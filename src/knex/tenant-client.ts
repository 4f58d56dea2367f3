import type { Readable } from 'node:stream'
import mysql from 'mysql2'
import { annotate } from '../base/errors.ts'
import { isThenable } from '../base/thenable.ts'
import { Lease } from '../connection/lease.ts'
import { KnownSender } from '../connection/sender.ts'
import type { PoolView } from '../pool/pool-view.ts'
import type { ServerPool } from '../pool/server-pool.ts'
import type { Tenant } from '../tenants/tenant.ts'
import { guardBatches } from './batch-insert.ts'
import { type Binding, bindingOf, isBound, poolOf, tenantSettings } from './binding.ts'
import { CompilingClient } from './compiling-client.ts'
import { Dialect, type QueryObject, type TransactionContainer } from './dialect.ts'
import { tellFailedCommit } from './failed-commit.ts'
import { withoutGate } from './guards.ts'
import { findMissing, markIfMissing } from './missing-database.ts'
import { type Logger, namingLogger } from './named-migrations.ts'
import { checkTransaction, ownLease, refused } from './ownership.ts'
import { shownConfig } from './shown-connection.ts'
import { endOf, isRolledBack, natureOf } from './statement-nature.ts'
import { TenantRunner } from './tenant-runner.ts'
import { endLostTransaction, followTransaction, transactionCache } from './transaction-cache.ts'
import { guardProviders } from './transaction-provider.ts'

/** What hears a client's events: the bound Knex, and one place for all tenants. */
export interface Listeners {
  readonly own: NodeJS.EventEmitter
  readonly all: NodeJS.EventEmitter
}

/**
 * Knex's mysql2 client for one tenant. It owns no connections: it asks the server's pool for each
 * and hands it back. Transactions make clients of this class too, so everything it knows is found
 * through `connectionSettings`, and nothing is private to an object: Knex makes them without a
 * constructor.
 */
export class TenantClient extends CompilingClient {
  /** Set on a bound client only: a transaction's client passes its events to that one. */
  declare listenersOf: Listeners | undefined
  /** Set on a transaction's client only, before user code has it. */
  declare transactionLease: Lease | undefined

  override acquireConnection(): Promise<Lease> {
    const { servers, tenants } = bindingOf(this)
    let tenant: Tenant
    try {
      this.checkScope()
      tenant = bindingOf(this).tenant // outside any scope `ambient` has none
    } catch (error) {
      return Promise.reject(error)
    }
    const place = tenants.locate(tenant)
    return place instanceof Promise
      ? place.then((found) => servers.at(found).acquire(tenants.enter(found)))
      : servers.at(place).acquire(place)
  }

  /** Refuses what was made by the tenant in scope and is used in another's; a transaction stays its tenant's. */
  checkScope(): void {
    if (this.transacting) return
    try {
      bindingOf(this).checkScope?.()
    } catch (error) {
      throw refused(this, error)
    }
  }

  override releaseConnection(connection: unknown): Promise<void> {
    if (connection instanceof Lease) poolOf(this).release(connection)
    return Promise.resolve()
  }

  /** All that Knex sends passes here, but for streams: BEGIN, too. */
  override query(connection: unknown, query: QueryObject | string): Promise<unknown> {
    return super.query(connection, query).catch(async (error: unknown) => {
      await findMissing(this, connection, error)
      throw error
    })
  }

  override _query(connection: unknown, query: QueryObject | string): Promise<unknown> {
    if (isRolledBack(connection, query)) {
      return endLostTransaction(connection as Lease).then(() => query)
    }
    try {
      const lease = ownLease(this, connection)
      const nature = natureOf(this, lease, query)
      const sent = super._query(new KnownSender(lease, nature), query)
      if (!this.transacting) return sent
      stayWith(this, lease)
      return followTransaction(lease, { ...nature, end: endOf(query) }, sent)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  override async _stream(
    connection: unknown,
    query: QueryObject,
    stream: NodeJS.EventEmitter,
    options: unknown,
  ): Promise<unknown> {
    // Left before it began: it says no more, so only this lets Knex release the connection.
    if ((stream as Readable).destroyed) throw new Error('The stream was closed before it began.')
    let lease: Lease
    try {
      lease = ownLease(this, connection)
    } catch (error) {
      stream.emit('error', error) // Knex takes it for granted that this has been done
      throw error
    }
    stream.prependOnceListener('error', (error) => {
      lease.explain(error)
      markIfMissing(this, error)
    })
    const nature = natureOf(this, lease, query)
    const sent = super._stream(new KnownSender(lease, nature), query, stream, options)
    return this.transacting ? followTransaction(lease, nature, sent) : sent
  }

  override runner(builder: object): object {
    return new TenantRunner(this, builder)
  }

  /**
   * Where BEGIN fails, Knex hands out a transaction that is over already; here it only rejects. A
   * transaction has its tenant and a cache, as a bound Knex has.
   */
  override transaction(container: TransactionContainer, ...rest: unknown[]): object {
    const binding = bindingOf(this)
    const guarded: TransactionContainer = (trx) => {
      if (trx.isCompleted()) return undefined
      guardBatches(trx.context, checkTransaction)
      guardProviders(trx.context)
      const { transactionLease: lease } = trx.client as TenantClient
      const cache = { get: () => transactionCache(lease as Lease, binding) }
      const result = container(
        Object.defineProperties(trx, { tenant: { value: binding.tenant }, cache }),
      )
      // Knex ends a transaction itself where its container gives a promise.
      if (!isThenable(result)) tellFailedCommit(trx)
      return result
    }
    return super.transaction(guarded, ...rest)
  }

  /** The user's own function, which may throw. */
  override postProcessResponse(response: unknown, context: unknown): unknown {
    try {
      return super.postProcessResponse(response, context)
    } catch (error) {
      annotate(error, { tenant: bindingOf(this).tenant.id, outcome: 'executed' })
      throw error
    }
  }

  /** `.connection(conn)`: only this tenant's own. Knex goes on without one if none is given. */
  override processPassedConnection(connection: unknown): void {
    if (connection) ownLease(this, connection)
  }

  /** A connection of the driver's own has no gate: nobody gets one. */
  override async acquireRawConnection(): Promise<never> {
    throw refused(this, withoutGate(bindingOf(this).tenant))
  }

  override async cancelQuery(connection: unknown): Promise<void> {
    const lease = ownLease(this, connection)
    try {
      await poolOf(this).cancel(lease)
    } catch (error) {
      // An error of the statement, not of the KILL: Knex gives it its message.
      const late = new Error('The statement could not be cancelled.', { cause: error })
      lease.annotate(late, 'unknown')
      throw late
    }
  }

  /** The pool is shared: there is nothing of this tenant's alone to destroy. */
  override async destroy(callback?: (error?: unknown) => void): Promise<void> {
    callback?.()
  }

  override initializePool(): void {}

  /** Listeners get the tenant as one more argument than Knex's. */
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    const isHeard = super.emit(event, ...args)
    const listeners = this.listenersOf
    if (listeners === undefined) return isHeard
    const { tenant } = bindingOf(this)
    const isHeardByOwn = passOn(listeners.own, event, args, tenant)
    return passOn(listeners.all, event, args, tenant) || isHeardByOwn || isHeard
  }
}

/** Other people's code knows Knex's client by this name. */
Object.defineProperty(TenantClient, 'name', { value: Dialect.name })

/** What Knex keeps on each client, and what is here the same for all tenants of a server. */
Object.defineProperties(TenantClient.prototype, {
  driver: { value: mysql, writable: true }, // Knex gives a transaction's client one of its own
  pool: {
    get(this: TenantClient): PoolView | undefined {
      return isBound(this) ? poolOf(this).view : undefined
    },
    set: () => undefined,
  },
  version: {
    get(this: TenantClient): string | undefined {
      return this.config.version ?? facts(this)?.version.match(/\d+\.\d+\.\d+/)?.[0]
    },
    set: () => undefined,
  },
  isMariaDB: {
    get(this: TenantClient): boolean | undefined {
      return facts(this)?.isMariaDB
    },
    set: () => undefined,
  },
})

/** Makes the client of one tenant, from one that has what all share. */
export function bindClient(
  root: TenantClient,
  binding: Binding,
  tenant: Tenant | undefined,
): TenantClient {
  const client = Object.create(TenantClient.prototype) as TenantClient
  client.config = shownConfig(root.config, tenant, () => poolOf(client).settings)
  client.logger = namingLogger(root.logger as Logger, () => binding.tenant)
  client.valueForUndefined = root.valueForUndefined
  client.connectionConfigExpirationChecker = null
  client.connectionSettings = tenantSettings(binding)
  client.listenersOf = undefined
  return client
}

/** A transaction stays in the database that it began in. */
function stayWith(client: TenantClient, lease: Lease): void {
  if (client.transactionLease === lease) return
  client.transactionLease = lease
  client.connectionSettings = tenantSettings(bindingOf(client), lease.place)
}

function facts(client: TenantClient): ServerPool['facts'] {
  return isBound(client) ? poolOf(client).facts : undefined
}

function passOn(
  emitter: NodeJS.EventEmitter,
  event: string | symbol,
  args: unknown[],
  tenant: Tenant,
): boolean {
  return emitter.listenerCount(event) > 0 && emitter.emit(event, ...args, tenant)
}
