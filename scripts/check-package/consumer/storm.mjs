// A storm on an application's own tenantKnex, with each copy of the package and with one of each.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import * as esm from 'tenant-knex'
import * as esmTesting from 'tenant-knex/testing'

const require = createRequire(import.meta.url)
const cjs = require('tenant-knex')
const cjsTesting = require('tenant-knex/testing')
const { TENANT_KNEX_MARIADB_URL: url, CHECK_TENANTS = 'one,two' } = process.env
const tenants = CHECK_TENANTS.split(',')

for (const { createTenantKnex, TenantKnexError } of [esm, cjs]) {
  for (const testing of [esmTesting, cjsTesting]) {
    const tenantKnex = createTenantKnex({ connection: url ?? { host: 'localhost' } })
    try {
      await assert.rejects(
        testing.storm({ tenantKnex, tenants: ['one'] }),
        (error) => error instanceof TenantKnexError && error.code === 'ERR_OPTION_INVALID',
      )
      if (url) await stormOn(tenantKnex, testing)
    } finally {
      await tenantKnex.destroy({ timeoutMillis: 1_000 })
    }
  }
}

async function stormOn(tenantKnex, { createStormTables, dropStormTables, storm }) {
  await createStormTables(tenantKnex, tenants)
  const report = await storm({ tenantKnex, tenants, operations: 300 })
  assert.equal(report.operations, 300)
  assert.deepEqual(report.violations, [])
  await dropStormTables(tenantKnex, tenants)
}
