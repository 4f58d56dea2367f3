import type { Readable } from 'node:stream'
import { Lease } from '../connection/lease.ts'
import { isRollback } from '../connection/statement-text.ts'
import { annotate, TenantKnexError } from '../errors.ts'
import type { Tenant } from '../identifiers.ts'
import type { PoolView } from '../pool/gate-pool.ts'
import type { ServerPool } from '../pool/server-pool.ts'
import { guardBatches } from './batch-insert.ts'
import {
  Dialect,
  QueryBuilder,
  type QueryObject,
  Raw,
  SchemaBuilder,
  type Transactable,
  type TransactionContainer,
} from './dialect.ts'
import { tellFailedCommit } from './failed-commit.ts'
import { checkForeignKeys, checkSchemaTables, checkTables, wrongTenant } from './guards.ts'
import { TenantRunner } from './tenant-runner.ts'

/** What binds a client to its tenant. */
export interface Binding {
  readonly tenant: Tenant
  readonly pool: ServerPool
  /** Throws where the tenant's builders must not run in the present scope. */
  readonly checkScope: () => void
}

/** What hears a client's events: the bound Knex, and one place for all tenants. */
export interface Listeners {
  readonly own: NodeJS.EventEmitter
  readonly all: NodeJS.EventEmitter
}

/**
 * Marks the binding inside `connectionSettings`: of all that a client has, a transaction's client is
 * given just this and `config` (knex lib/execution/transaction.js, makeTxClient).
 */
const BINDING = Symbol('tenant-knex.binding')

/** What Knex reads of the settings: the database, and the character set of new tables. */
class TenantSettings {
  /** What Knex's `client.database()` answers. */
  readonly database: string
  readonly [BINDING]: Binding

  constructor(binding: Binding) {
    this.database = binding.tenant.database
    this[BINDING] = binding
  }

  get charset(): string | undefined {
    return this[BINDING].pool.settings?.charset
  }

  /** Knex's own: mysql2 does not know it. */
  get collate(): string | undefined {
    return (this[BINDING].pool.settings as { collate?: string } | undefined)?.collate
  }
}

/**
 * Knex's mysql2 client for one tenant. It owns no connections: it asks the server's pool for each
 * and hands it back. Transactions make clients of this class too, so everything it knows is found
 * through `connectionSettings`, and nothing is private to an object: Knex makes them without a
 * constructor.
 */
export class TenantClient extends Dialect {
  /** Set on a bound client only: a transaction's client passes its events to that one. */
  declare listenersOf: Listeners | undefined

  override acquireConnection(): Promise<Lease> {
    const { pool, tenant, checkScope } = bindingOf(this)
    try {
      checkScope()
    } catch (error) {
      return Promise.reject(refused(this, error))
    }
    return pool.acquire(tenant)
  }

  override releaseConnection(connection: unknown): Promise<void> {
    if (connection instanceof Lease) bindingOf(this).pool.release(connection)
    return Promise.resolve()
  }

  override _query(connection: unknown, query: QueryObject | string): Promise<unknown> {
    if (isRolledBack(connection, query)) return Promise.resolve(query)
    try {
      return super._query(ownLease(this, connection), query)
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
    try {
      const lease = ownLease(this, connection)
      stream.prependOnceListener('error', (error) => lease.explain(error))
    } catch (error) {
      stream.emit('error', error) // Knex takes it for granted that this has been done
      throw error
    }
    return super._stream(connection, query, stream, options)
  }

  override runner(builder: object): object {
    return new TenantRunner(this, builder)
  }

  /**
   * Where BEGIN fails, Knex hands out a transaction that is over already; here it only rejects. A
   * transaction has its tenant, as a bound Knex has.
   */
  override transaction(container: TransactionContainer, ...rest: unknown[]): object {
    const { tenant } = bindingOf(this)
    const guarded: TransactionContainer = (trx) => {
      if (trx.isCompleted()) return undefined
      guardBatches(trx.context, checkTransaction)
      const result = container(Object.defineProperty(trx, 'tenant', { value: tenant }))
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

  /** `.connection(conn)`: only this tenant's own. */
  override processPassedConnection(connection: unknown): void {
    ownLease(this, connection)
  }

  override async cancelQuery(connection: unknown): Promise<void> {
    const lease = ownLease(this, connection)
    try {
      await bindingOf(this).pool.cancel(lease)
    } catch (error) {
      // An error of the statement, not of the KILL: Knex gives it its message.
      throw new Error('The statement could not be cancelled.', { cause: error })
    }
  }

  override queryBuilder(): object {
    return new TenantQueryBuilder(this)
  }

  override schemaBuilder(): object {
    return withoutFrame(new TenantSchemaBuilder(this))
  }

  override raw(...args: unknown[]): object {
    // Knex makes the `DEFAULT` that all clients share while it builds the first of them.
    return isBound(this) ? withoutFrame(new TenantRaw(this)).set(...args) : super.raw(...args)
  }

  /** Every builder is compiled through here, and every builder inside another one. */
  override queryCompiler(builder: object, bindings?: unknown): object {
    const { tenant } = bindingOf(this)
    checkSameTenant('A query builder', this, (builder as Transactable).client)
    try {
      checkTables(builder, tenant)
    } catch (error) {
      throw refused(this, error)
    }
    return super.queryCompiler(builder, bindings)
  }

  override schemaCompiler(...args: object[]): object {
    try {
      checkSchemaTables(args[0] ?? {}, bindingOf(this).tenant)
    } catch (error) {
      throw refused(this, error)
    }
    return super.schemaCompiler(...args)
  }

  override tableCompiler(tableBuilder: object): object {
    try {
      checkForeignKeys(tableBuilder, bindingOf(this).tenant)
    } catch (error) {
      throw refused(this, error)
    }
    return super.tableCompiler(tableBuilder)
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

/** What Knex keeps on each client, and what is here the same for all tenants of a server. */
Object.defineProperties(TenantClient.prototype, {
  pool: {
    get(this: TenantClient): PoolView | undefined {
      return isBound(this) ? bindingOf(this).pool.view : undefined
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
export function bindClient(root: TenantClient, binding: Binding): TenantClient {
  const client = Object.create(TenantClient.prototype) as TenantClient
  client.config = { ...root.config } // a migration changes its own for a while
  client.logger = root.logger
  client.valueForUndefined = root.valueForUndefined
  client.connectionConfigExpirationChecker = null
  client.connectionSettings = new TenantSettings(binding)
  client.listenersOf = undefined
  return client
}

/** The binding of a client, or of a transaction's client. */
export function bindingOf(client: object): Binding {
  return settingsOf(client)[BINDING]
}

/** Refuses what belongs to another tenant. Builders of a Knex without tenants pass. */
export function checkSameTenant(what: string, client: object, other: object | undefined): void {
  if (other === undefined || other === client || !isBound(other)) return
  const { tenant } = bindingOf(client)
  const { tenant: otherTenant } = bindingOf(other)
  if (tenant !== otherTenant) throw refused(client, wrongTenant(what, tenant, otherTenant))
}

/** Refuses a transaction of another tenant, or of a Knex without tenants. */
export function checkTransaction(client: object, transaction: unknown): void {
  const other = (transaction as { client?: object } | null | undefined)?.client
  if (other && !isBound(other)) {
    const { tenant } = bindingOf(client)
    throw refused(client, wrongTenant('A transaction', tenant, undefined))
  }
  checkSameTenant('A transaction', client, other)
}

/** Knex lets a Knex have another client; here only one of the same tenant. */
export function checkClient(client: TenantClient, other: object): void {
  const { tenant } = bindingOf(client)
  const otherTenant = isBound(other) ? bindingOf(other).tenant : undefined
  if (otherTenant !== tenant) throw refused(client, wrongTenant('A client', tenant, otherTenant))
}

/** A connection that user code or Knex hands in: only one that this very tenant holds. */
function ownLease(client: object, connection: unknown): Lease {
  const { tenant } = bindingOf(client)
  const lease = connection instanceof Lease ? connection : undefined
  if (lease?.tenant !== tenant) {
    throw refused(client, wrongTenant('A connection', tenant, lease?.tenant))
  }
  if (lease.isOver) throw refused(client, lease.overError())
  return lease
}

/**
 * A lost connection's transaction is rolled back by the server. Where ROLLBACK failed instead, Knex
 * would give its error, `not-sent`, in place of the one that says what became of the transaction.
 */
function isRolledBack(connection: unknown, query: QueryObject | string): boolean {
  if (!(connection instanceof Lease && connection.isClosed)) return false
  return isRollback(typeof query === 'string' ? query : query.sql)
}

/** Tells the pool that something was refused. */
function refused(client: object, error: unknown): unknown {
  if (error instanceof TenantKnexError) bindingOf(client).pool.onRefusal(error)
  return error
}

function isBound(client: object): boolean {
  return settingsOf(client)?.[BINDING] !== undefined
}

function settingsOf(client: object): TenantSettings {
  return (client as { connectionSettings: TenantSettings }).connectionSettings
}

function facts(client: TenantClient): ServerPool['facts'] {
  return isBound(client) ? bindingOf(client).pool.facts : undefined
}

/** Knex ends a transaction itself where its container gives a promise. */
function isThenable(value: unknown): boolean {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function'
}

function passOn(
  emitter: NodeJS.EventEmitter,
  event: string | symbol,
  args: unknown[],
  tenant: Tenant,
): boolean {
  return emitter.listenerCount(event) > 0 && emitter.emit(event, ...args, tenant)
}

/** A builder that cannot join another tenant's transaction. */
function bound<B extends new (client: object) => Transactable>(Base: B): B {
  return class extends (Base as new (client: object) => Transactable) {
    override transacting(transaction: unknown): this {
      checkTransaction(this.client, transaction)
      return super.transacting(transaction)
    }
  } as unknown as B
}

/** The constructor of our subclass is one line of the stack more than Knex knows of. */
function withoutFrame<B extends Transactable>(builder: B): B {
  if (builder._asyncStack) builder._asyncStack.lines++
  return builder
}

const TenantQueryBuilder = bound(QueryBuilder)
const TenantSchemaBuilder = bound(SchemaBuilder)

/** Knex gives a raw statement the client of the builder it is put into; ours remembers its own. */
class TenantRaw extends bound(Raw) {
  readonly #madeBy: object

  constructor(client: object) {
    super(client)
    this.#madeBy = client
  }

  override toSQL(...args: unknown[]): object {
    checkSameTenant('A raw statement', this.client, this.#madeBy)
    return super.toSQL(...args)
  }
}
