/*
 * A script for all tenants: a change of their tables, four tenants at a time. One of them fails, as it
 * has no database, and keeps no other from being changed.
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
