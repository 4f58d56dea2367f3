import type { Knex } from 'knex'
import { TenantKnexError } from './base/errors.ts'
import { isObject, rejectRenamedKeys, rejectUnknownKeys } from './base/option-checks.ts'
import { outside, Scope, unscoped } from './base/scope.ts'
import { Caches } from './cache/caches.ts'
import type { BoundKnex, BoundTransaction } from './knex/bound-knex.ts'
import { BoundKnexes } from './knex/bound-knexes.ts'
import { KnexFactory } from './knex/knex-factory.ts'
import { counterpart, TransactionScope } from './knex/transaction-scope.ts'
import { resolveOptions, type TenantKnexOptions } from './options/options.ts'
import { Servers } from './servers/servers.ts'
import {
  type DestroyOptions,
  INNARDS,
  innards,
  type TenantFunction,
  type TenantIds,
  type TenantKnex,
  type TenantKnexCheck,
  type TenantKnexStats,
} from './tenant-knex.ts'
import { TenantDirectory } from './tenants/directory.ts'
import { type EachOptions, eachTenant } from './tenants/each.ts'
import { checkTenantId } from './tenants/names.ts'
import type { Tenant } from './tenants/tenant.ts'
import { type TenantToken, tenantOfToken } from './tenants/token.ts'

const NO_SCOPE =
  '`shareScopeWith` must be the tenantKnex whose scope this one shares: the result of createTenantKnex().'
const DESTROY_TIMEOUT_MILLIS = 10_000
const NO_TIMEOUT: DestroyOptions = { timeoutMillis: Number.NaN }

/**
 * Makes Knex multi-tenant: a database for each tenant, and one connection pool for all of them. It connects
 * when the first query runs. You own it: call `destroy()` at the end.
 *
 * @throws `ERR_OPTION_INVALID`
 * @example
 * const tenantKnex = createTenantKnex({ connection: { host: '127.0.0.1', user: 'app' } })
 * const user = await tenantKnex('acme')('users').where({ id: 1 }).first()
 * await tenantKnex.destroy()
 */
export function createTenantKnex(options: TenantKnexOptions): TenantKnex {
  const resolved = resolveOptions(options)
  const { shareScopeWith } = options
  const scope = new Scope<BoundKnex>(
    shareScopeWith === undefined ? undefined : innards(shareScopeWith, NO_SCOPE).scope,
    (foreign, around) => counterpart(knexes.get(foreign.tenant.id), around),
  )
  // The caller may be in a scope, but connections and caches serve all tenants.
  const servers = unscoped(() => new Servers(resolved))
  const transactions = new TransactionScope<BoundKnex>(scope)
  const caches = unscoped(
    () =>
      new Caches(
        resolved.cache,
        // Outside any transaction, because its values may never be committed. Outside the scopes of other
        // tenantKnexes, because callers in their tenants get the value too.
        (tenant, fn) => outside(() => scope.run(tenant && knexes.get(tenant.id), fn)),
        (tenant, fn) => transactions.run(knexes.get((tenant as Tenant).id), fn),
      ),
  )
  const tenants = new TenantDirectory(resolved.database, resolved.lookup, (place) =>
    servers.at(place).isOccupied(place),
  )
  const factory = new KnexFactory(resolved.knex, scope, { tenants, servers, caches })
  const knexes = new BoundKnexes({ tenants, bind: (tenant) => factory.bind(tenant) })
  const destroy = (options: DestroyOptions = {}): Promise<void> =>
    servers.destroy(destroyTimeout(options)).finally(() => caches.close())

  const run = async <T>(tenantId: string, fn: TenantFunction<T>): Promise<T> => {
    const bound = knexes.get(tenantId)
    checkCallback('run', fn)
    return transactions.run(bound, fn)
  }
  const transaction = async <T>(
    fn: (trx: BoundTransaction) => T | PromiseLike<T>,
    config?: Knex.TransactionConfig,
  ): Promise<T> => {
    checkCallback('transaction', fn)
    const inside = fn as unknown as TenantFunction<T>
    return transactions.begin(factory.inScope.current(), inside, config)
  }

  const tenantKnex = (tenantId: string): BoundKnex => knexes.get(tenantId)
  const locate = (tenantId: string): BoundKnex | Promise<BoundKnex> => {
    const bound = knexes.get(tenantId)
    const place = tenants.locate(bound.tenant)
    return place instanceof Promise ? place.then(() => bound) : bound
  }
  Object.defineProperties(tenantKnex, {
    [INNARDS]: { value: { scope, locate } },
    tenant: { get: () => factory.inScope.tenantInScope(), enumerable: true },
  })
  return Object.assign(tenantKnex as typeof tenantKnex & Pick<TenantKnex, 'tenant'>, {
    ambient: factory.ambient,
    sharedCache: caches.shared,
    current: () => factory.inScope.current(),
    run,
    enter: (tenantId: string) => transactions.enter(knexes.get(tenantId)),
    transaction,
    lookup: (tenantId: string) => tenants.lookup(tenantId),
    forget(tenantId: string): void {
      checkTenantId(tenantId)
      tenants.forget(tenantId)
      knexes.forget(tenantId)
      servers.forget(tenantId)
    },
    capture: (): TenantToken => ({ tenant: factory.inScope.currentTenant().id }),
    restore: async <T>(token: TenantToken, fn: TenantFunction<T>) => run(tenantOfToken(token), fn),
    async each<T>(ids: TenantIds, fn: TenantFunction<T>, options?: EachOptions) {
      checkCallback('each', fn)
      return eachTenant(ids, (id) => run(id, fn), resolved.pool.max, options)
    },
    stats: (): TenantKnexStats => ({
      boundKnexes: knexes.size,
      cache: caches.stats(),
      servers: servers.stats(),
    }),
    connections: () => servers.connections(),
    check: async (): Promise<TenantKnexCheck> => ({ servers: await servers.check() }),
    destroy,
    [Symbol.asyncDispose]: () => destroy(),
  })
}

function destroyTimeout(options: unknown): number {
  const given: DestroyOptions = isObject(options) ? options : NO_TIMEOUT
  rejectRenamedKeys(given, { timeoutMs: 'timeoutMillis' }, '')
  rejectUnknownKeys(given, ['timeoutMillis'], '')
  const { timeoutMillis = DESTROY_TIMEOUT_MILLIS } = given
  if (typeof timeoutMillis === 'number' && timeoutMillis >= 0) return timeoutMillis
  throw new TenantKnexError(
    'ERR_OPTION_INVALID',
    '`destroy` takes `{ timeoutMillis }`, a number of milliseconds from 0, and returns a promise.',
  )
}

function checkCallback(method: string, fn: unknown): void {
  if (typeof fn === 'function') return
  const place = method === 'transaction' ? 'first' : 'second'
  throw new TenantKnexError(
    'ERR_OPTION_INVALID',
    `\`${method}\` takes the function to run with a tenant in scope as its ${place} argument.`,
  )
}
