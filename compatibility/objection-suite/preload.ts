/*
 * Loaded before Objection's tests. Instead of Knex they get a Knex with mysql2 on our server. In two of the
 * three modes tenant-knex has made it.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import Module, { createRequire } from 'node:module'
import { sep } from 'node:path'
import type { Knex } from 'knex'
import { forTenants } from '../../src/adapters/objection.ts'
import { createTenantKnex, type TenantKnex, type TenantKnexOptions } from '../../src/index.ts'

/**
 * - `plain`: Knex itself
 * - `bound`: each Knex is a bound Knex
 * - `models`: like `bound`, and `forTenants` makes Objection's `Model`, with a tenant in scope
 */
export type Mode = 'plain' | 'bound' | 'models'

type BoundKnex = ReturnType<TenantKnex>
type Load = (this: unknown, request: string, ...rest: unknown[]) => unknown

const { OBJECTION_SUITE_MODE: mode, OBJECTION_SUITE_URL: url = '' } = process.env
const knex = createRequire(import.meta.url)('knex') as typeof import('knex').knex
const tenantKnexes = new Map<string, TenantKnex>()
const scope = new AsyncLocalStorage<BoundKnex>()

const REPLACEMENTS: Record<string, (exported: unknown) => unknown> = {
  knex: () => Object.assign(makeKnex, knex),
  [`lib${sep}objection.js`]: mode === 'models' ? withTenantModel : (exported) => exported,
  [`testUtils${sep}mockKnex.js`]: (mock) => withTenant(mock as MockKnex),
}

const loader = Module as unknown as { _load: Load; _resolveFilename: Load }
const load = loader._load
const replaced = new Map<unknown, unknown>()
loader._load = function (request, ...rest) {
  const exported = load.call(this, request, ...rest)
  const name = request === 'knex' ? request : String(loader._resolveFilename(request, ...rest))
  const found = Object.entries(REPLACEMENTS).find(
    ([end]) => name.endsWith(sep + end) || name === end,
  )
  if (!found) return exported
  if (!replaced.has(exported)) replaced.set(exported, found[1](exported))
  return replaced.get(exported)
}

function makeKnex(config: Knex.Config): Knex {
  const { database } = config.connection as { database: string }
  if (mode === 'plain') {
    return knex({ ...config, client: 'mysql2', connection: new URL(database, url).href })
  }
  const { pool: _pool, client: _client, ...rest } = config
  const options = {
    ...rest,
    connection: url,
    database: () => database,
    // The tests' pool does this to each new connection.
    session: ["SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO'"],
  }
  const tenantKnex = createTenantKnex(options as TenantKnexOptions)
  const tenantId = `knex-${tenantKnexes.size + 1}`
  tenantKnexes.set(tenantId, tenantKnex)
  // A test destroys the Knex that it has made.
  return Object.defineProperty(tenantKnex(tenantId), 'destroy', {
    value: () => tenantKnex.destroy(),
  })
}

/** The tests' tenants. A Knex with its own configuration is a tenantKnex of its own. */
function allTenants(): TenantKnex {
  const of = (tenantId: string): BoundKnex => {
    const tenantKnex = tenantKnexes.get(tenantId)
    if (!tenantKnex) throw new Error(`there is no ${tenantId}`)
    return tenantKnex(tenantId)
  }
  return Object.assign(of, {
    // All tests but a few use the first Knex, so they run as if in its scope.
    current: () => scope.getStore() ?? of('knex-1'),
    run: async (tenantId: string, fn: (bound: BoundKnex) => unknown) => {
      const bound = of(tenantId)
      return scope.run(bound, async () => await fn(bound))
    },
  }) as unknown as TenantKnex
}

function withTenantModel(exported: unknown): unknown {
  const objection = exported as typeof import('objection')
  class Model extends forTenants(allTenants())(objection.Model) {}
  return { ...objection, Model }
}

type MockKnex = (knex: Knex, ...rest: unknown[]) => object

/** The tests' mock copies the properties that it finds. It does not expect a tenant. */
function withTenant(mock: MockKnex): MockKnex {
  return (original, ...rest) =>
    Object.defineProperty(mock(original, ...rest), 'tenant', {
      get: () => (original as BoundKnex).tenant,
    })
}
