import { EventEmitter } from 'node:events'
import knex, { type Knex } from 'knex'
import { TenantKnexError } from '../base/errors.ts'
import type { Scope } from '../base/scope.ts'
import type { TenantCache } from '../cache/tenant-cache.ts'
import type { KnexPassThrough } from '../options/pass-through.ts'
import type { Tenant } from '../tenants/tenant.ts'
import { type BatchContext, guardBatches } from './batch-insert.ts'
import { type Binding, type BindingParts, bindingOf } from './binding.ts'
import { wrongTenant } from './guards.ts'
import { withListedMethods } from './listed-methods.ts'
import { namingMigrator } from './named-migrations.ts'
import { checkClient, checkTransaction, refused } from './ownership.ts'
import { scopedCache } from './scoped-cache.ts'
import { bindClient, TenantClient } from './tenant-client.ts'
import { guardProviders, type ProviderContext } from './transaction-provider.ts'
import { isOver, transactionOver } from './transaction-scope.ts'

/** A Knex whose every query runs in one tenant's database. */
export interface BoundKnex extends Knex {
  readonly tenant: Tenant
  /** The tenant's cache: a Keyv that no other tenant reaches. */
  readonly cache: TenantCache
  withUserParams(params: Record<string, unknown>): BoundKnex
  readonly transaction: BeginTransaction
  readonly transactionProvider: (config?: Knex.TransactionConfig) => () => Promise<BoundTransaction>
}

/** A transaction of a bound Knex. */
export interface BoundTransaction extends Knex.Transaction {
  readonly tenant: Tenant
  /**
   * Finds nothing and keeps nothing, as what a transaction sees may never be committed. The keys that
   * it deletes are forgotten after COMMIT, before the commit is reported. They stay after ROLLBACK, but
   * in doubt they are forgotten: after each statement that is able to commit, and after a rollback that
   * has not undone everything. A rollback to a savepoint takes no key back.
   */
  readonly cache: TenantCache
  readonly transaction: BeginTransaction
  readonly transactionProvider: (config?: Knex.TransactionConfig) => () => Promise<BoundTransaction>
}

/** Knex's `transaction`, whose transactions have a tenant. */
export interface BeginTransaction {
  (config?: Knex.TransactionConfig): Promise<BoundTransaction>
  (scope: null | undefined, config?: Knex.TransactionConfig): Promise<BoundTransaction>
  <T>(
    // biome-ignore lint/suspicious/noConfusingVoidType: as in Knex's own types
    scope: (trx: BoundTransaction) => Promise<T> | void,
    config?: Knex.TransactionConfig,
  ): Promise<T>
}

/**
 * The Knex of whichever tenant is in scope. It joins the transaction that is in scope. Outside any scope
 * its `client` can be read, and cannot connect.
 */
export interface AmbientKnex extends Knex {
  /** The tenant in scope. Outside any scope it throws `ERR_NO_TENANT`; `tenantKnex.tenant` does not. */
  readonly tenant: Tenant
  /**
   * The cache of the tenant in scope, in a transaction in scope the transaction's. Outside any scope it
   * throws `ERR_NO_TENANT`; kept and used in another tenant's, `ERR_WRONG_TENANT`.
   */
  readonly cache: TenantCache
  readonly transaction: BeginTransaction
  readonly transactionProvider: (config?: Knex.TransactionConfig) => () => Promise<BoundTransaction>
}

/** What Knex keeps behind its function; its methods find the client through `this`. */
interface Context extends BatchContext, ProviderContext {
  client: TenantClient
  userParams: Record<string, unknown>
  queryBuilder(): Knex.QueryBuilder
}

/** Knex objects that are made by hand, as its types do not show them. */
type KnexInternals = Knex & { context: Context }

const EVENTS = ['start', 'query', 'query-error', 'query-response'] as const

/**
 * Makes bound Knexes. Each is a function whose prototype is one Knex that all share and nobody
 * sees: a Knex of its own would cost a hundred times as much.
 */
export class KnexFactory {
  /** The Knex of whichever tenant is in scope. It hears the events of all tenants. */
  readonly ambient: AmbientKnex

  readonly #root: KnexInternals
  readonly #parts: BindingParts
  readonly #prototype: object
  readonly #keptPrototype: object
  readonly #Context: ContextClass
  readonly #scope: Scope<BoundKnex>
  /** Undefined outside any scope, and for one in a shared scope that this tenantKnex does not know. */
  readonly tenantInScope = (): Tenant | undefined => {
    try {
      return this.#scope.current()?.tenant
    } catch {
      return undefined
    }
  }
  /** What `ambient` has as its client outside any scope: it can be read, and cannot connect. */
  readonly #nobodysClient: TenantClient
  readonly #ambientClients = new WeakMap<TenantClient, TenantClient>()

  constructor(config: KnexPassThrough, scope: Scope<BoundKnex>, parts: BindingParts) {
    this.#root = createRoot(config)
    this.#parts = parts
    this.#nobodysClient = createNobodysClient(this.#root.context.client, parts)
    this.#prototype = createPrototype(this.#root)
    this.#keptPrototype = createKeptPrototype(this.#prototype)
    this.#Context = createContextClass(this.#root.context, (context, params) =>
      this.#withUserParams(context, params),
    )
    this.#scope = scope
    const ambient = knexFunction(this.#ambientContext(), this.#prototype)
    const listing = withListedMethods(ambient, this.#root)
    this.ambient = Object.defineProperties(listing, {
      schema: { get: () => this.#inScope().schema },
      fn: { get: () => this.#inScope().fn },
      migrate: { get: () => this.#inScope().migrate },
      seed: { get: () => this.#inScope().seed },
      cache: { get: () => this.#ambientCache() },
    }) as AmbientKnex
  }

  /** A Knex for one tenant, which is kept while it has listeners. Nothing is sent. */
  bind(tenant: Tenant): BoundKnex {
    const binding = {
      tenant,
      ...this.#parts,
      checkScope: undefined,
      tenantInScope: this.tenantInScope,
    }
    // An object of its own: Knex and user code change it.
    return this.#bind(binding, { ...this.#root.context.userParams }, this.#keptPrototype)
  }

  /**
   * The bound Knex of the innermost scope, or the transaction that is in scope there.
   *
   * @throws `ERR_NO_TENANT`, `ERR_TRANSACTION_OVER`
   */
  current(): BoundKnex {
    const knex = this.#scope.current()
    if (knex === undefined) throw noTenant()
    if (isOver(knex)) throw transactionOver(knex.tenant)
    return knex
  }

  /** The tenant of the innermost scope, also where a transaction in it has ended. @throws `ERR_NO_TENANT` */
  currentTenant(): Tenant {
    const { tenant } = this.#scope.current() ?? {}
    if (tenant === undefined) throw noTenant()
    return tenant
  }

  #bind(binding: Binding, userParams: object, prototype: object): BoundKnex {
    const client = bindClient(this.#root.context.client, binding, binding.tenant)
    const context = new this.#Context(client, userParams)
    const bound = withListedMethods(knexFunction(context, prototype), this.#root) as BoundKnex
    client.listenersOf = { own: bound, all: this.ambient }
    return bound
  }

  /** As Knex: a copy with the same listeners, whose configuration can be changed by itself. */
  #withUserParams({ client }: Context, params: object): BoundKnex {
    const copy = this.#bind(bindingOf(client), params, this.#prototype)
    for (const event of EVENTS) {
      for (const listener of client.listenersOf?.own.listeners(event) ?? []) {
        copy.on(event, listener as () => void)
      }
    }
    return copy
  }

  #ambientContext(): Context {
    const client = () => this.#ambientClient(this.current())
    return Object.create(this.#root.context, {
      client: { get: () => (this.tenantInScope() ? client() : this.#nobodysClient) },
      // A builder belongs to the tenant in scope when it is made.
      queryBuilder: { value: () => client().queryBuilder() },
      raw: { value: (...args: unknown[]) => client().raw(...args) },
      ref: { value: (...args: unknown[]) => client().ref(...args) },
      batchInsert: {
        value: (...args: unknown[]) => this.#inScope().batchInsert(...(args as [never, never])),
      },
      userParams: { get: () => this.current().userParams, set: () => undefined },
      destroy: { value: (callback?: () => void) => this.#refuseToDestroy(callback) },
      // What begins at once is the tenant's own from then on; what may begin later must not in another's scope.
      transaction: { value: (...args: []) => this.current().transaction(...args) },
      transactionProvider: { value: (...args: []) => this.#inScope().transactionProvider(...args) },
      withUserParams: { value: (params: object) => this.#inScope().withUserParams({ ...params }) },
    })
  }

  /** The Knex, or the transaction, that is in scope now: what it makes refuses to run in another's. */
  #inScope(): BoundKnex {
    const knex = this.current()
    const client = this.#ambientClient(knex)
    const context = Object.create((knex as Knex as KnexInternals).context, {
      client: { value: client, writable: true },
    })
    return knexFunction(context, knex) as BoundKnex
  }

  /** A tenant's Knex has nothing to destroy. Outside any scope a caller means the pool. */
  async #refuseToDestroy(callback?: () => void): Promise<void> {
    if (this.tenantInScope() === undefined) {
      const message = '`ambient` has no connections of its own to close. Use tenantKnex.destroy().'
      throw new TenantKnexError('ERR_NO_TENANT', message, { outcome: 'not-sent' })
    }
    callback?.()
  }

  #ambientCache(): TenantCache {
    const { cache, tenant } = this.current()
    return scopedCache(cache, () => this.#checkScope(tenant))
  }

  /** Its builders belong to the tenant in scope now, and refuse to run in another's. */
  #ambientClient(knex: BoundKnex): TenantClient {
    const own: TenantClient = knex.client
    let client = this.#ambientClients.get(own)
    if (client === undefined) {
      client = own.transacting ? this.#joiningClient(own) : this.#ownAmbientClient(knex)
      this.#ambientClients.set(own, client)
    }
    return client
  }

  #ownAmbientClient(bound: BoundKnex): TenantClient {
    const { tenant } = bound
    const checkScope = () => this.#checkScope(tenant)
    const binding = { ...bindingOf(bound.client), checkScope }
    const client = bindClient(this.#root.context.client, binding, binding.tenant)
    client.listenersOf = { own: bound, all: this.ambient }
    return client
  }

  /** A transaction's client, which has the transaction's connection. */
  #joiningClient(own: TenantClient): TenantClient {
    const { tenant } = bindingOf(own)
    const checkScope = (): void => {
      try {
        this.#checkScope(tenant)
      } catch (error) {
        throw refused(own, error)
      }
    }
    // Not `async`: a statement that is not awaited begins as early as one of the transaction's own.
    const acquireConnection = () => {
      try {
        checkScope()
        return own.acquireConnection()
      } catch (error) {
        return Promise.reject(error)
      }
    }
    return Object.create(own, {
      checkScope: { value: checkScope },
      acquireConnection: { value: acquireConnection },
    })
  }

  #checkScope(tenant: Tenant): void {
    const current = this.#scope.current()?.tenant
    if (current && current !== tenant) throw wrongTenant('An ambient object', current, tenant)
  }
}

function noTenant(): TenantKnexError {
  return new TenantKnexError(
    'ERR_NO_TENANT',
    'No tenant is in scope. Wrap the call in tenantKnex.run(tenantId, fn), or name the tenant: tenantKnex(tenantId).',
    { outcome: 'not-sent' },
  )
}

/** A client of no tenant: whatever needs one fails. */
function createNobodysClient(root: TenantClient, parts: BindingParts): TenantClient {
  const binding = {
    ...parts,
    get tenant(): never {
      throw noTenant()
    },
    checkScope: undefined,
    tenantInScope: () => undefined,
  }
  return bindClient(root, binding, undefined)
}

/** The callable part of a Knex. */
function knexFunction(context: Context, prototype: object): Knex {
  // Bookshelf knows a Knex by this name.
  function knex(tableName: string, options?: object): Knex.QueryBuilder {
    const builder = context.queryBuilder()
    return tableName ? builder.table(tableName, options as never) : builder
  }
  const made = Object.setPrototypeOf(knex, prototype) as KnexInternals
  made.context = context
  return made
}

function createRoot(config: KnexPassThrough): KnexInternals {
  const root = knex({ ...config, client: TenantClient as never } as Knex.Config) as KnexInternals
  root.client.config.client = 'mysql2'
  guardBatches(root.context, checkTransaction)
  guardProviders(root.context)
  return root
}

/** What bound Knexes have that the shared one has not. The event fields keep them from sharing. */
function createPrototype(root: KnexInternals): object {
  return Object.create(root, {
    client: {
      get(this: KnexInternals): TenantClient {
        return this.context.client
      },
      set(this: KnexInternals, client: TenantClient) {
        checkClient(this.context.client, client)
        this.context.client = client
      },
    },
    tenant: {
      get(this: KnexInternals): Tenant {
        return bindingOf(this.context.client).tenant
      },
    },
    migrate: {
      get(this: KnexInternals): Knex.Migrator {
        const migrator: Knex.Migrator = Reflect.get(root, 'migrate', this)
        return namingMigrator(migrator, bindingOf(this.context.client).tenant)
      },
    },
    cache: {
      get(this: KnexInternals): TenantCache {
        const { tenant, caches, checkScope } = bindingOf(this.context.client)
        const cache = caches.of(tenant)
        return checkScope ? scopedCache(cache, checkScope) : cache
      },
    },
    _events: { value: undefined, writable: true },
    _eventsCount: { value: 0, writable: true },
    _maxListeners: { value: undefined, writable: true },
  })
}

const ADDING = ['addListener', 'on', 'once', 'prependListener', 'prependOnceListener'] as const
const REMOVING = ['off', 'removeAllListeners', 'removeListener'] as const

/**
 * Holds a Knex while it has listeners: the next one of the same tenant would not have them. A copy
 * made by `withUserParams` is found by nobody but its owner, and needs no holding.
 */
function createKeptPrototype(prototype: object): object {
  const listenedTo = new Set<NodeJS.EventEmitter>()
  const kept = Object.create(prototype)
  for (const name of [...ADDING, ...REMOVING]) {
    const method = EventEmitter.prototype[name] as (...args: unknown[]) => unknown
    Object.defineProperty(kept, name, {
      value(this: NodeJS.EventEmitter, ...args: unknown[]): unknown {
        const result = method.apply(this, args)
        if (this.eventNames().length > 0) listenedTo.add(this)
        else listenedTo.delete(this)
        return result
      },
    })
  }
  return kept
}

type ContextClass = new (client: TenantClient, userParams: object) => Context

/** Knex's own context as prototype, and what differs for each tenant as plain fields. */
function createContextClass(
  rootContext: Context,
  withUserParams: (context: Context, params: object) => BoundKnex,
): ContextClass {
  class BoundContext {
    client: TenantClient
    userParams: object

    constructor(client: TenantClient, userParams: object) {
      this.client = client
      this.userParams = userParams
    }

    withUserParams(params: object): BoundKnex {
      return withUserParams(this as unknown as Context, params)
    }
  }
  Object.setPrototypeOf(BoundContext.prototype, rootContext)
  return BoundContext as unknown as ContextClass
}
