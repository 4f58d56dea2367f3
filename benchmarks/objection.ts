/*
 * How much memory do Objection's models need for each tenant? Models that serve all tenants (`forTenants`)
 * are compared with `Model.bindKnex(tenantKnex(id))`, which makes classes for each tenant. The bound Knexes
 * exist before. Nothing connects, so no server is needed.
 */
import assert from 'node:assert/strict'
import { Model } from 'objection'
import { forTenants } from '../src/adapters/objection.ts'
import { createTenantKnex, type TenantKnex } from '../src/index.ts'
import { heapInUse } from './support/memory.ts'
import { printTable, writeResult } from './support/result.ts'

const TENANTS = 10_000
const MODELS = 10
const CONNECTION = { host: '127.0.0.1', port: 3306, user: 'app', password: 'secret' }

type ModelClass = typeof Model

/** Models that each have a relation to the next one. */
function makeModels(Base: ModelClass): ModelClass[] {
  const models: ModelClass[] = []
  for (let index = 0; index < MODELS; index++) {
    const name = `model${index}`
    const NumberedModel = class extends Base {
      static override tableName = name
      static override relationMappings = () => ({
        next: {
          relation: Model.HasManyRelation,
          modelClass: models[(index + 1) % MODELS] as ModelClass,
          join: { from: `${name}.id`, to: `model${(index + 1) % MODELS}.${name}_id` },
        },
      })
    }
    // Objection identifies models by this name.
    Object.defineProperty(NumberedModel, 'name', { value: `Model${index}` })
    models.push(NumberedModel)
  }
  return models
}

type Use = (tenantKnex: TenantKnex, models: ModelClass[], id: string) => void

const SUBJECTS: Record<string, { base: (tenantKnex: TenantKnex) => ModelClass; use: Use }> = {
  '`forTenants(tenantKnex)(Model)`': {
    base: (tenantKnex) => forTenants(tenantKnex)(Model),
    use: (tenantKnex, models, id) => {
      for (const model of models) compile(model.query(tenantKnex(id)), model)
    },
  },
  '`Model.bindKnex(tenantKnex(id))`': {
    base: () => Model,
    use: (tenantKnex, models, id) => {
      for (const model of models) compile(model.bindKnex(tenantKnex(id)).query(), model)
    },
  },
}

/** Makes and compiles a query, and checks its SQL. */
function compile(query: ReturnType<ModelClass['query']>, { tableName }: ModelClass): void {
  const { sql } = query.where('id', 1).toKnexQuery().toSQL()
  assert.equal(sql, `select \`${tableName}\`.* from \`${tableName}\` where \`id\` = ?`)
}

const bytes: Record<string, number> = {}
for (const [name, { base, use }] of Object.entries(SUBJECTS)) {
  const tenantKnex = createTenantKnex({ connection: CONNECTION })
  const models = makeModels(base(tenantKnex))
  const ids = Array.from({ length: TENANTS }, (_, index) => `tenant-${index}`)
  const knexes = ids.map(tenantKnex)
  use(tenantKnex, models, ids[0] as string)
  const before = await heapInUse()
  for (const id of ids) use(tenantKnex, models, id)
  bytes[name] = (await heapInUse()) - before
  assert.equal(knexes.length, TENANTS)
  assert.equal(tenantKnex.stats().servers[0]?.connects, 0)
}
writeResult('objection', { tenants: TENANTS, models: MODELS, bytes })
printTable([
  ['heap', 'MB', 'bytes for each tenant and model'],
  ...Object.entries(bytes).map(([name, each]) => [
    name,
    (each / 1e6).toFixed(1),
    Math.round(each / TENANTS / MODELS).toLocaleString('en'),
  ]),
])
