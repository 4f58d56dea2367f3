/*
 * A script for one tenant, which the environment variable TENANT names: one process for each tenant. (A
 * server for one tenant is made the same way, with `resolve: fixed()`.)
 */
import { createTenantKnex } from 'tenant-knex'
import { environmentTenant } from 'tenant-knex/resolve'

const { DATABASE_URL = '', DATABASE_PREFIX = '' } = process.env

const tenantKnex = createTenantKnex({
  connection: DATABASE_URL,
  database: (id) => `${DATABASE_PREFIX}${id}`,
  pool: { max: 1 },
})

await tenantKnex.run(environmentTenant(), async ({ tenant }) => {
  console.log(`The authors of ${tenant.id}:`)
  for (const { name, count } of await countNotes()) console.log(`  ${name}: ${count}`)
})
await tenantKnex.destroy()

/** Like the rest of an application, it does not know about tenants. */
async function countNotes(): Promise<{ name: string; count: number }[]> {
  return tenantKnex
    .ambient('authors')
    .join('notes', 'notes.author_id', 'authors.id')
    .groupBy('authors.id')
    .select('authors.name')
    .count({ count: '*' })
}
