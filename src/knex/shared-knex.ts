import { EventEmitter } from 'node:events'
import knex, { type Knex } from 'knex'
import type { TenantCache } from '../cache/tenant-cache.ts'
import type { KnexPassThrough } from '../options/pass-through.ts'
import type { Tenant } from '../tenants/tenant.ts'
import { type BatchContext, guardBatches } from './batch-insert.ts'
import { bindingOf } from './binding.ts'
import type { BoundKnex } from './bound-knex.ts'
import { namingMigrator } from './named-migrations.ts'
import { checkClient, checkTransaction } from './ownership.ts'
import { scopedCache } from './scoped-cache.ts'
import { TenantClient } from './tenant-client.ts'
import { guardProviders, type ProviderContext } from './transaction-provider.ts'

/** The object behind the function of a Knex. Its methods find the client through `this`. */
export interface Context extends BatchContext, ProviderContext {
  client: TenantClient
  userParams: Record<string, unknown>
  queryBuilder(): Knex.QueryBuilder
}

/** Knex with the members that its types omit. */
export type KnexInternals = Knex & { context: Context }

/** Makes the callable part of a Knex. */
export function knexFunction(context: Context, prototype: object): Knex {
  // Bookshelf recognises a Knex by this function name.
  function knex(tableName: string, options?: object): Knex.QueryBuilder {
    const builder = context.queryBuilder()
    return tableName ? builder.table(tableName, options as never) : builder
  }
  const made = Object.setPrototypeOf(knex, prototype) as KnexInternals
  made.context = context
  return made
}

/** The one Knex that all bound Knexes share. It is never handed out. */
export function createRoot(config: KnexPassThrough): KnexInternals {
  const root = knex({ ...config, client: TenantClient as never } as Knex.Config) as KnexInternals
  root.client.config.client = 'mysql2'
  guardBatches(root.context, checkTransaction)
  guardProviders(root.context)
  return root
}

/**
 * The members of bound Knexes that the shared Knex does not have. The event fields keep Knexes from sharing
 * listeners.
 */
export function createPrototype(root: KnexInternals): object {
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
 * Keeps a Knex alive while it has listeners, because a new Knex of the same tenant would lack them. A copy
 * made by `withUserParams` is known only to its owner, so it is not kept.
 */
export function createKeptPrototype(prototype: object): object {
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

/** The class of one tenant's context. */
export type ContextClass = new (client: TenantClient, userParams: object) => Context

/** Makes contexts whose prototype is Knex's own context. Each tenant's fields are plain properties. */
export function createContextClass(
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
