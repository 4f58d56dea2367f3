import type { Knex } from 'knex'
import { TenantKnexError } from './base/errors.ts'
import type { Scope } from './base/scope.ts'
import type { MemoryStats } from './cache/stores/memory-store.ts'
import type { TenantCache } from './cache/tenant-cache.ts'
import type { AmbientKnex, BoundKnex, BoundTransaction } from './knex/bound-knex.ts'
import type { ServerCheck } from './pool/server-check.ts'
import type { ConnectionInfo, ServerStats } from './pool/stats.ts'
import type { EachOptions, TenantResult } from './tenants/each.ts'
import type { LocatedTenant, Tenant } from './tenants/tenant.ts'
import type { TenantToken } from './tenants/token.ts'

export type { BoundKnex } from './knex/bound-knex.ts'

/** How {@link TenantKnex.destroy} goes about it. */
export interface DestroyOptions {
  /** How long running work may take to end, in milliseconds. @defaultValue 10_000 */
  readonly timeoutMillis?: number
}

/** Numbers about a tenantKnex and its servers. */
export interface TenantKnexStats {
  /** Numbers about the cache in this process; undefined if the store is elsewhere. */
  readonly cache: MemoryStats | undefined
  /** How many bound Knexes exist. */
  readonly boundKnexes: number
  /** One entry for each server. */
  readonly servers: readonly [ServerStats, ...ServerStats[]]
}

/** The result of {@link TenantKnex.check}. */
export interface TenantKnexCheck {
  /** One entry for each server. */
  readonly servers: readonly [ServerCheck, ...ServerCheck[]]
}

/** Gives each tenant its Knex. {@link createTenantKnex} makes it. */
export interface TenantKnex {
  /**
   * The Knex bound to a tenant; the same object every time. Nothing is sent. An asynchronous `database`
   * function is not called until the first query.
   *
   * @throws `ERR_TENANT_ID_INVALID`; if `database` is synchronous also `ERR_TENANT_UNKNOWN`,
   * `ERR_DATABASE_NAME_INVALID`, `ERR_DATABASE_SHARED`
   */
  (tenantId: string): BoundKnex

  /**
   * Runs a function with a tenant in scope, for {@link current} and {@link ambient}, through every `await`
   * and callback inside. Scopes nest. The function's result is awaited inside the scope. An open
   * {@link transaction} of the same tenant stays in scope. A transaction of another tenant leaves the scope,
   * and returns to it afterwards.
   *
   * @throws `ERR_OPTION_INVALID` if `fn` is not a function, and as the call of a tenantKnex
   */
  run<T>(tenantId: string, fn: (knex: BoundKnex) => T | PromiseLike<T>): Promise<T>

  /**
   * Runs a function in a transaction of the tenant in scope, and puts the transaction in scope. These join
   * it: {@link ambient} and its cache, {@link current}, the Knex that {@link run} gives, and Objection's
   * models of `forTenants`. It commits when the function's result has been awaited, and rolls back if that
   * fails. Inside such a transaction of the same tenant it makes a savepoint.
   *
   * Code that names a Knex does not join it: `tenantKnex('acme')` works beside it, on a connection of its
   * own. Code that uses the scope after the transaction has ended fails with `ERR_TRANSACTION_OVER`.
   *
   * @param config Knex's transaction options: `isolationLevel`, `readOnly`, ...
   * @throws `ERR_NO_TENANT` outside any scope, `ERR_OPTION_INVALID` if `fn` is not a function,
   * `ERR_TRANSACTION_OVER`; all as a rejection
   * @example
   * await tenantKnex.run('acme', () =>
   *   tenantKnex.transaction(async () => {
   *     await tenantKnex.ambient('orders').insert({ item: 'chair' })
   *     await tenantKnex.ambient('stock').where({ item: 'chair' }).decrement('count')
   *   }),
   * )
   */
  transaction<T>(
    fn: (trx: BoundTransaction) => T | PromiseLike<T>,
    config?: Knex.TransactionConfig,
  ): Promise<T>

  /**
   * The bound Knex of the tenant in scope. Inside {@link transaction} it is the transaction.
   *
   * @throws `ERR_NO_TENANT` outside any scope, `ERR_TRANSACTION_OVER` after that transaction has ended
   */
  current(): BoundKnex

  /**
   * Puts a tenant in scope for the rest of the current asynchronous context, through every `await` and
   * callback. It lasts until that context ends, or until you call the returned function. Then the earlier
   * scope applies again, in all code that had the tenant in scope; a second call does nothing. A
   * {@link transaction} of the same tenant stays in scope, as with {@link run}.
   *
   * It is for tests and scripts. In a server use {@link run} or an adapter, which always leave the scope: two
   * requests on one connection may share an asynchronous context.
   *
   * A hook before a test shares the test's context with Mocha. With Jest and node:test it never does, and
   * with Vitest only on some versions of Node. With those, call `enter` in the test itself, or use
   * `enterForTest` of `tenant-knex/testing`, which works in every hook.
   *
   * @throws as the call of a tenantKnex
   * @example
   * it('counts the users', async () => {
   *   tenantKnex.enter('acme')
   *   expect(await countUsers()).toBe(2)
   * })
   */
  enter(tenantId: string): () => void

  /**
   * The tenant in scope; undefined outside any scope. It never throws and is cheap, so log lines may read it.
   * It is also undefined if a shared scope has a tenant that this tenantKnex does not know.
   */
  readonly tenant: Tenant | undefined

  /**
   * One Knex for code that imports "the" Knex. A builder belongs to the tenant that is in scope when it is
   * made. Outside any scope a builder throws `ERR_NO_TENANT` at once, before there is a promise; `client` can
   * still be read. If a builder, or another object from here, is used in another tenant's scope, it fails
   * with `ERR_WRONG_TENANT`. Inside {@link transaction} it joins the transaction. Listeners added here get
   * the events of all tenants, with the tenant as their last argument.
   */
  readonly ambient: AmbientKnex

  /**
   * A cache for values that belong to no tenant. It is separate from the tenants' caches: no tenant's key is
   * among its keys. A factory of its `remember` runs with no tenant in scope.
   */
  readonly sharedCache: TenantCache

  /**
   * Finds a tenant's database. The `database` function is called now, unless its answer is cached. From then
   * on the tenant's Knex has the name as `tenant.database`.
   *
   * @throws `ERR_TENANT_UNKNOWN`, `ERR_LOOKUP_FAILED`, `ERR_TENANT_ID_INVALID`, `ERR_DATABASE_NAME_INVALID`,
   * `ERR_DATABASE_SHARED`
   */
  lookup(tenantId: string): Promise<LocatedTenant>

  /**
   * Forgets a tenant's database, so that it is looked up again, and closes the idle connections in it. This
   * is for a tenant that has moved, is about to be dropped, or has just been created. Running work continues
   * in the old database. When it has ended, another tenant may use that database. The tenant's cache keeps
   * its entries: see its `purge`.
   *
   * @throws `ERR_TENANT_ID_INVALID`
   */
  forget(tenantId: string): void

  /**
   * The tenant in scope as a plain object for JSON. Use it to continue elsewhere: in a job, a message,
   * another process. It is a name and proves nothing: trust a token only if you would trust a tenant's id
   * from the same source.
   *
   * @throws `ERR_NO_TENANT` outside any scope
   */
  capture(): TenantToken

  /**
   * Runs a function with the tenant of a token in scope, as {@link run} does.
   *
   * @throws `ERR_TOKEN_INVALID` if the token is not from {@link capture}, and as {@link run}
   */
  restore<T>(token: TenantToken, fn: (knex: BoundKnex) => T | PromiseLike<T>): Promise<T>

  /**
   * Runs a function for each of many tenants, with that tenant in scope, a few at a time. It continues after
   * failures.
   *
   * @returns the result of each tenant, in the order of the ids
   * @throws `ERR_OPTION_INVALID`; and the errors of the ids' own iterator, after the running functions have
   * ended
   */
  each<T>(
    tenantIds: Iterable<string> | AsyncIterable<string>,
    fn: (knex: BoundKnex) => T | PromiseLike<T>,
    options?: EachOptions,
  ): Promise<TenantResult<T>[]>

  /** Counters since the start, and the current numbers of connections. */
  stats(): TenantKnexStats

  /** Every open connection, with its tenant and its state. */
  connections(): ConnectionInfo[]

  /**
   * Logs in to each server as the pool does, but beside the pool and without a tenant's database. It reports
   * what the server and the account can do. This is for a readiness probe: it rejects if a tenant's query
   * could not get a connection.
   *
   * @throws `ERR_SERVER_UNREACHABLE`, `ERR_SERVER_REFUSED`, `ERR_SESSION_SETUP_FAILED`, `ERR_DESTROYED`
   */
  check(): Promise<TenantKnexCheck>

  /**
   * Refuses new work (`ERR_DESTROYED`), lets running work end, then closes all connections. Work that still
   * runs after the timeout fails.
   */
  destroy(options?: DestroyOptions): Promise<void>

  [Symbol.asyncDispose](): Promise<void>
}

export type TenantIds = Iterable<string> | AsyncIterable<string>
export type TenantFunction<T> = (knex: BoundKnex) => T | PromiseLike<T>

/** The parts that only adapters use. Not all code around a request can await `run`. */
export interface TenantKnexInnards {
  readonly scope: Scope<BoundKnex>
  /**
   * The bound Knex of a tenant, after its database is known. It is not a promise if the database is known
   * now.
   *
   * @throws errors of `tenantKnex(id)` and, as a rejection, errors of `tenantKnex.lookup(id)`
   */
  locate(tenantId: string): BoundKnex | Promise<BoundKnex>
}

const NO_TENANT_KNEX = 'Pass the tenantKnex that createTenantKnex() gave you.'
/** The key of these parts on a tenantKnex. */
export const INNARDS: unique symbol = Symbol.for('tenant-knex.innards') as never

/**
 * The parts of a tenantKnex that only adapters use. They are found by a global symbol, because the adapter
 * may use another copy of this package.
 *
 * @throws `ERR_OPTION_INVALID` if the value is not a tenantKnex
 */
export function innards(tenantKnex: unknown, message: string = NO_TENANT_KNEX): TenantKnexInnards {
  const found = (tenantKnex as { [INNARDS]?: TenantKnexInnards } | null | undefined)?.[INNARDS]
  if (found) return found
  throw new TenantKnexError('ERR_OPTION_INVALID', message)
}
