/*
 * Uses one of the packages in three tenants at once, over one pool: with a bound Knex for each
 * tenant, then with `ambient` for all. The rows of each tenant have the same ids.
 */
import { createTenantKnex } from 'tenant-knex'

const TENANTS = ['acme', 'globex', 'initech']
const ROUNDS = 30
const { FOREIGN_URL: connection, FOREIGN_DATABASE: prefix, FOREIGN_PACKAGE: name } = process.env

const driver = await import(`./${name}.mjs`)
const tenantKnex = createTenantKnex({
  connection,
  database: (id) => `${prefix}_${id}`,
  pool: { max: 4 },
})

try {
  for (const way of [bound, ambient]) console.log(JSON.stringify(await tried(way)))
} finally {
  await tenantKnex.destroy()
}

async function tried(way) {
  const tally = { way: way.name, checks: 0, wrong: [] }
  if (way === ambient && driver.noAmbient) return { ...tally, not: driver.noAmbient }
  const check = (found, wanted) => {
    tally.checks++
    if (found !== wanted) tally.wrong.push(`${found}, not ${wanted}`)
  }
  await Promise.all(TENANTS.map(fill))
  await way(check)
  return tally
}

async function bound(check) {
  await Promise.all(
    TENANTS.map(async (tenant) => {
      const knex = tenantKnex(tenant)
      const made = await driver.make(knex, { isAmbient: false })
      for (let round = 0; round < ROUNDS; round++) {
        await driver.use(made, { tenant, check, round })
      }
    }),
  )
}

async function ambient(check) {
  const inScope = (fn) => tenantKnex.run(TENANTS[0], fn)
  const made = await driver.make(tenantKnex.ambient, { isAmbient: true, inScope })
  const useAs = async (tenant) => {
    for (let round = 0; round < ROUNDS; round++) await driver.use(made, { tenant, check, round })
  }
  await Promise.all(TENANTS.map((tenant) => tenantKnex.run(tenant, () => useAs(tenant))))
}

/** Creates a tenant's tables and rows. */
async function fill(tenant) {
  const knex = tenantKnex(tenant)
  const [tables] = await knex.raw('SHOW TABLES')
  for (const table of tables) await knex.schema.dropTable(Object.values(table)[0])
  await knex.schema.createTable('notes', (table) => {
    table.increments()
    table.string('owner')
    table.string('text')
  })
  await knex('notes').insert(Array.from({ length: 12 }, () => ({ owner: tenant, text: 'first' })))
  await driver.prepare?.(knex, tenant)
}
