import type { Knex } from 'knex'
import type { City } from './cities.ts'
import { each } from './concurrency.ts'
import { databaseOf } from './databases.ts'
import type { Demo } from './demo.ts'
import { withProgress } from './progress.ts'

const TENANTS_AT_ONCE = 4
const ROWS_AT_ONCE = 1_000

/** Makes each country a tenant, with its cities in its own database. */
export async function createTenants(demo: Demo): Promise<void> {
  const { countries, tenantKnex, databases, interrupted } = demo
  const rows = [...countries.values()].flat().length
  await withProgress('Creating a database per country', rows, (advance) =>
    each(countries, TENANTS_AT_ONCE, interrupted, async ([country, cities]) => {
      await databases.create(databaseOf(country))
      await fillDatabase(tenantKnex(country), cities)
      advance(cities.length)
    }),
  )
}

/** No code in here names the tenant: the Knex is bound to it. */
async function fillDatabase(db: Knex, cities: readonly City[]): Promise<void> {
  await db.schema.createTable('cities', (table) => {
    addColumns(table)
    table.primary(['id'])
    table.index(['population'])
  })
  await db.batchInsert('cities', [...cities], ROWS_AT_ONCE)
}

/** The columns of a `City`. */
export function addColumns(table: Knex.CreateTableBuilder): void {
  table.integer('id').unsigned().notNullable()
  table.string('name', 100).notNullable()
  table.specificType('country', 'char(2)').notNullable()
  table.integer('population').notNullable()
  table.double('longitude').notNullable()
  table.double('latitude').notNullable()
  table.integer('visits').unsigned().notNullable()
}
