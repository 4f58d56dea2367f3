import type { Readable } from 'node:stream'
import { annotate } from '../base/errors.ts'
import { isThenable } from '../base/thenable.ts'
import { Lease } from '../connection/lease.ts'
import type { LeaseUse } from '../connection/lease-host.ts'
import { KnownSender } from '../connection/sender.ts'
import type { Tenant } from '../tenants/tenant.ts'
import { guardBatches } from './batch-insert.ts'
import { type Binding, bindingOf, poolOf, tenantSettings } from './binding.ts'
import { CompilingClient } from './compiling-client.ts'
import type { QueryObject, TransactionContainer } from './dialect.ts'
import { tellFailedCommit } from './failed-commit.ts'
import { withoutGate } from './guards.ts'
import { findMissing, markIfMissing } from './missing-database.ts'
import { type Logger, namingLogger } from './named-migrations.ts'
import { checkTransaction, ownLease, refused } from './ownership.ts'
import { showAsKnex } from './shown-client.ts'
import { shownConfig } from './shown-connection.ts'
import { endOf, isRolledBack, natureOf } from './statement-nature.ts'
import { TenantRunner } from './tenant-runner.ts'
import { endLostTransaction, followTransaction, transactionCache } from './transaction-cache.ts'
import { guardProviders } from './transaction-provider.ts'

/** The emitters of a client's events: the bound Knex, and one for all tenants. */
export interface Listeners {
  readonly own: NodeJS.EventEmitter
  readonly all: NodeJS.EventEmitter
}

/**
 * Knex's mysql2 client for one tenant. It owns no connections: it acquires each from the server's pool and
 * releases it there. Knex makes transactions' clients of this class without calling a constructor. So the
 * client finds all its state through `connectionSettings` and has no private fields.
 */
export class TenantClient extends CompilingClient {
  /** Set on a bound client only. A transaction's client passes its events on to that one. */
  declare listenersOf: Listeners | undefined
  /** Set on a transaction's client only, before user code gets the transaction. */
  declare transactionLease: Lease | undefined

  /** @param use not given by Knex: its transactions and user code acquire a connection without saying why */
  override acquireConnection(use: LeaseUse = 'session'): Promise<Lease> {
    const { servers, tenants } = bindingOf(this)
    let tenant: Tenant
    try {
      this.checkScope()
      tenant = bindingOf(this).tenant // throws outside any scope if this is `ambient`
    } catch (error) {
      return Promise.reject(error)
    }
    const place = tenants.locate(tenant)
    return place instanceof Promise
      ? place.then((found) => servers.at(found).acquire(tenants.enter(found), use))
      : servers.at(place).acquire(place, use)
  }

  /** Refuses an object of `ambient` in another tenant's scope. A transaction stays with its tenant. */
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

  /** Knex sends everything except streams through this method, including BEGIN. */
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
    // A stream that was destroyed before it began emits nothing more. Only this error lets Knex release the
    // connection.
    if ((stream as Readable).destroyed) throw new Error('The stream was closed before it began.')
    let lease: Lease
    try {
      lease = ownLease(this, connection)
    } catch (error) {
      stream.emit('error', error) // Knex expects the driver to have emitted it
      throw error
    }
    const nature = natureOf(this, lease, query)
    const sender = new KnownSender(lease, nature)
    stream.prependOnceListener('error', (error) => {
      sender.explain(error)
      markIfMissing(this, error)
    })
    const sent = super._stream(sender, query, stream, options)
    return this.transacting ? followTransaction(lease, nature, sent) : sent
  }

  override runner(builder: object): object {
    return new TenantRunner(this, builder)
  }

  /**
   * If BEGIN fails, Knex hands out a transaction that is already over; here the call only rejects. A
   * transaction has a tenant and a cache, as a bound Knex does.
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
      // If the container returns a promise, Knex ends the transaction itself.
      if (!isThenable(result)) tellFailedCommit(trx)
      return result
    }
    return super.transaction(guarded, ...rest)
  }

  /** Calls the user's function, which may throw. */
  override postProcessResponse(response: unknown, context: unknown): unknown {
    try {
      return super.postProcessResponse(response, context)
    } catch (error) {
      annotate(error, { tenant: bindingOf(this).tenant.id, outcome: 'executed' })
      throw error
    }
  }

  /**
   * Lets `.connection(conn)` take only the tenant's own connections. Knex goes on without one if none is
   * given.
   */
  override processPassedConnection(connection: unknown): void {
    if (connection) ownLease(this, connection)
  }

  /** Refuses to hand out a connection of the driver: it has no gate. */
  override async acquireRawConnection(): Promise<never> {
    throw refused(this, withoutGate(bindingOf(this).tenant))
  }

  override async cancelQuery(connection: unknown): Promise<void> {
    const lease = ownLease(this, connection)
    try {
      await poolOf(this).cancel(lease)
    } catch (error) {
      // An error about the statement, not about the KILL. Knex uses its message.
      const late = new Error('The statement could not be cancelled.', { cause: error })
      lease.annotate(late, 'unknown')
      throw late
    }
  }

  /** Closes nothing, because all tenants share the pool. */
  override async destroy(callback?: (error?: unknown) => void): Promise<void> {
    callback?.()
  }

  override initializePool(): void {}

  /** Listeners get the tenant as an additional last argument. */
  override emit(event: string | symbol, ...args: unknown[]): boolean {
    const isHeard = super.emit(event, ...args)
    const listeners = this.listenersOf
    if (listeners === undefined) return isHeard
    const { tenant } = bindingOf(this)
    const isHeardByOwn = passOn(listeners.own, event, args, tenant)
    return passOn(listeners.all, event, args, tenant) || isHeardByOwn || isHeard
  }
}

showAsKnex(TenantClient)

/** Makes one tenant's client from the shared one. */
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

/** Fixes a transaction to the database that it began in. */
function stayWith(client: TenantClient, lease: Lease): void {
  if (client.transactionLease === lease) return
  client.transactionLease = lease
  client.connectionSettings = tenantSettings(bindingOf(client), lease.place)
}

function passOn(
  emitter: NodeJS.EventEmitter,
  event: string | symbol,
  args: unknown[],
  tenant: Tenant,
): boolean {
  return emitter.listenerCount(event) > 0 && emitter.emit(event, ...args, tenant)
}
