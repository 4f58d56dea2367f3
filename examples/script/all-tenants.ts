/*
 * A script that changes the tables of all tenants, four tenants at a time. One tenant has no database and
 * fails. The others are changed.
 */
import { createTenantKnex } from 'tenant-knex'

const { DATABASE_URL = '', DATABASE_PREFIX = '' } = process.env

const tenantKnex = createTenantKnex({
  connection: DATABASE_URL,
  database: (id) => `${DATABASE_PREFIX}${id}`,
  pool: { max: 4 },
})

const results = await tenantKnex.each(
  ['acme', 'initech', 'globex'],
  async (knex) => {
    await knex.schema.alterTable('notes', (table) => {
      table.boolean('is_done').notNullable().defaultTo(false)
    })
    return knex('notes').where({ is_done: false }).pluck('id')
  },
  { concurrency: 4 },
)
for (const result of results) {
  const { tenant, status } = result
  if (status === 'fulfilled') console.log(`${tenant}: ${result.value.length} notes to do`)
  else console.log(`${tenant}: failed with ${(result.reason as { code?: string }).code}`)
}
await tenantKnex.destroy()
