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
  /** What is cached in this process; undefined where the store is elsewhere. */
  readonly cache: MemoryStats | undefined
  /** Bound Knexes that exist. */
  readonly boundKnexes: number
  /** One entry for each server. */
  readonly servers: readonly [ServerStats, ...ServerStats[]]
}

/** What {@link TenantKnex.check} found. */
export interface TenantKnexCheck {
  /** One entry for each server. */
  readonly servers: readonly [ServerCheck, ...ServerCheck[]]
}

/** Gives the Knex of a tenant; made by {@link createTenantKnex}. */
export interface TenantKnex {
  /**
   * The Knex bound to a tenant: the same object every time. Nothing is sent, and an asynchronous
   * `database` function is not asked: the first query does.
   *
   * @throws `ERR_TENANT_ID_INVALID`; where `database` is synchronous also `ERR_TENANT_UNKNOWN`,
   * `ERR_DATABASE_NAME_INVALID`, `ERR_DATABASE_SHARED`
   */
  (tenantId: string): BoundKnex

  /**
   * Runs a function with a tenant in scope, for {@link current} and {@link ambient}, through every
   * `await` and callback inside. Scopes nest. What the function returns is awaited inside. A
   * {@link transaction} of the same tenant that is in scope stays so; one of another tenant is left, and
   * in scope again afterwards.
   *
   * @throws `ERR_OPTION_INVALID` where `fn` is no function, and as the call of a tenantKnex
   */
  run<T>(tenantId: string, fn: (knex: BoundKnex) => T | PromiseLike<T>): Promise<T>

  /**
   * Runs a function in a transaction of the tenant in scope, and puts the transaction in scope: what goes
   * by the scope joins it, which is {@link ambient} and its cache, {@link current}, the Knex that
   * {@link run} gives, and Objection's models of `forTenants`. It commits once what the function returns
   * has been awaited, and rolls back if that fails. Called in such a transaction of the same tenant it
   * makes a savepoint.
   *
   * What names a Knex itself does not join it: `tenantKnex('acme')` works beside it, on a connection of
   * its own. What goes by the scope once the transaction has ended fails with `ERR_TRANSACTION_OVER`.
   *
   * @param config Knex's options of a transaction: `isolationLevel`, `readOnly`, ...
   * @throws `ERR_NO_TENANT` outside any scope, `ERR_OPTION_INVALID` if `fn` is no function,
   * `ERR_TRANSACTION_OVER`; all of them as a rejection
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
   * The bound Knex of the tenant in scope; inside {@link transaction} the transaction, which takes its
   * place.
   *
   * @throws `ERR_NO_TENANT` outside any scope, `ERR_TRANSACTION_OVER` once that transaction has ended
   */
  current(): BoundKnex

  /**
   * Puts a tenant in scope for what the running code does from now on, in the present asynchronous
   * context: through every `await` and callback, until that context ends, or until you call what this
   * returns. Then what was in scope before is so again, in all code that the tenant got to; a second call
   * does nothing. A {@link transaction} of the same tenant stays in scope, as with {@link run}.
   *
   * It is for tests and scripts. In a server use {@link run} or an adapter, which cannot forget to leave:
   * two requests on one connection may share an asynchronous context.
   *
   * A hook that runs before a test seldom shares its context. It does with Mocha. With Jest and node:test it
   * never does, with Vitest on some versions of Node only. There enter in the test itself, or take
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
   * The tenant in scope; undefined outside any scope. It throws nothing and is cheap, so a log line may
   * ask. In a shared scope it is undefined too if this tenantKnex does not know the tenant.
   */
  readonly tenant: Tenant | undefined

  /**
   * One whole Knex for code that imports "the" Knex. A builder belongs to the tenant in scope when
   * it is made: outside any scope that throws `ERR_NO_TENANT` at once, before there is a promise. Its
   * `client` can be read there all the same.
   * Awaited in another tenant's scope, a builder fails with `ERR_WRONG_TENANT`; so does all else that
   * was taken from here. Inside {@link transaction} it joins the transaction. Listeners added here hear
   * the events of all tenants, and get the tenant as their last argument.
   */
  readonly ambient: AmbientKnex

  /**
   * A cache for what belongs to no tenant, beside the tenants' own: no tenant's key is among its keys.
   * A factory of its `remember` runs with no tenant in scope.
   */
  readonly sharedCache: TenantCache

  /**
   * Where a tenant's database is, as the `database` function says, which is asked now unless that is
   * known. From then on the tenant's Knex has it as `tenant.database`.
   *
   * @throws `ERR_TENANT_UNKNOWN`, `ERR_LOOKUP_FAILED`, `ERR_TENANT_ID_INVALID`,
   * `ERR_DATABASE_NAME_INVALID`, `ERR_DATABASE_SHARED`
   */
  lookup(tenantId: string): Promise<LocatedTenant>

  /**
   * Forgets where a tenant's database is, so that it is looked up anew, and closes the connections
   * that are idle in it: for a tenant that has moved, is about to be dropped, or has just been made.
   * Running work goes on where it is. When it has ended, another tenant may have the database. The
   * tenant's cache keeps its entries: see its `purge`.
   *
   * @throws `ERR_TENANT_ID_INVALID`
   */
  forget(tenantId: string): void

  /**
   * The tenant in scope as a plain object for JSON, to go on with it elsewhere: in a job, a message,
   * another process. It is a name, no proof: take one only from where you would take a tenant's id.
   *
   * @throws `ERR_NO_TENANT` outside any scope
   */
  capture(): TenantToken

  /**
   * Runs a function with the tenant of a token in scope, as `run` does.
   *
   * @throws `ERR_TOKEN_INVALID` for what `capture` did not make, and as `run`
   */
  restore<T>(token: TenantToken, fn: (knex: BoundKnex) => T | PromiseLike<T>): Promise<T>

  /**
   * Runs a function for each of many tenants, with that tenant in scope, a few at a time, and goes on
   * past failures.
   *
   * @returns what became of each, in the order of the ids
   * @throws `ERR_OPTION_INVALID`, and what the ids' own iterator throws, once what runs has ended
   */
  each<T>(
    tenantIds: Iterable<string> | AsyncIterable<string>,
    fn: (knex: BoundKnex) => T | PromiseLike<T>,
    options?: EachOptions,
  ): Promise<TenantResult<T>[]>

  /** What happened so far, and how many connections are open. */
  stats(): TenantKnexStats

  /** Every open connection: whose it is, and what it does. */
  connections(): ConnectionInfo[]

  /**
   * Logs in to each server as the pool does, beside the pool and without a tenant's database, and
   * says what the server and the account can do. For a readiness probe: rejects where a tenant's
   * query could not get a connection.
   *
   * @throws `ERR_SERVER_UNREACHABLE`, `ERR_SERVER_REFUSED`, `ERR_SESSION_SETUP_FAILED`,
   * `ERR_DESTROYED`
   */
  check(): Promise<TenantKnexCheck>

  /**
   * Refuses new work (`ERR_DESTROYED`), lets running work end, then closes all connections. What
   * still runs after the time is up fails.
   */
  destroy(options?: DestroyOptions): Promise<void>

  [Symbol.asyncDispose](): Promise<void>
}

export type TenantIds = Iterable<string> | AsyncIterable<string>
export type TenantFunction<T> = (knex: BoundKnex) => T | PromiseLike<T>

/** What only adapters use: not everything that surrounds a request can await `run`. */
export interface TenantKnexInnards {
  readonly scope: Scope<BoundKnex>
  /**
   * The bound Knex of a tenant whose database is known then: no promise where it is now.
   *
   * @throws what `tenantKnex(id)` and, as a rejection, `tenantKnex.lookup(id)` throw
   */
  locate(tenantId: string): BoundKnex | Promise<BoundKnex>
}

const NO_TENANT_KNEX = 'Pass the tenantKnex that createTenantKnex() gave you.'
/** Where a tenantKnex has them. */
export const INNARDS: unique symbol = Symbol.for('tenant-knex.innards') as never

/**
 * What adapters need of a tenantKnex beyond its surface. By a symbol that both copies of this package
 * know: the adapter may be another one's.
 *
 * @throws `ERR_OPTION_INVALID` for anything but a tenantKnex
 */
export function innards(tenantKnex: unknown, message: string = NO_TENANT_KNEX): TenantKnexInnards {
  const found = (tenantKnex as { [INNARDS]?: TenantKnexInnards } | null | undefined)?.[INNARDS]
  if (found) return found
  throw new TenantKnexError('ERR_OPTION_INVALID', message)
}
