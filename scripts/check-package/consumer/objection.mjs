// Models of Objection, with each copy of the package and with one of each.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { Model } from 'objection'
import * as esm from 'tenant-knex'
import * as esmAdapter from 'tenant-knex/objection'

const require = createRequire(import.meta.url)
const cjs = require('tenant-knex')
const cjsAdapter = require('tenant-knex/objection')
const { TENANT_KNEX_MARIADB_URL: url, CHECK_TENANT: tenant = 'none' } = process.env

for (const { createTenantKnex, TenantKnexError } of [esm, cjs]) {
  for (const { forTenants } of [esmAdapter, cjsAdapter]) {
    const tenantKnex = createTenantKnex({ connection: url ?? { host: 'localhost' } })
    class User extends forTenants(tenantKnex)(Model) {
      static tableName = 'users'
    }
    assert.throws(
      () => User.query(),
      (error) => error instanceof TenantKnexError && error.code === 'ERR_NO_TENANT',
    )
    await tenantKnex.run(tenant, async () => {
      const { sql } = User.query().where('id', 1).toKnexQuery().toSQL()
      assert.equal(sql, 'select `users`.* from `users` where `id` = ?')
      if (url) await writesAndReads(User)
    })
    await tenantKnex.destroy()
  }
}

async function writesAndReads(User) {
  const { schema } = User.knex()
  await schema.dropTableIfExists('users')
  await schema.createTable('users', (table) => {
    table.increments('id')
    table.string('name')
  })
  const { id } = await User.transaction((trx) => User.query(trx).insert({ name: 'Ada' }))
  const user = await User.query().findById(id)
  assert.deepEqual(user.toJSON(), { id: 1, name: 'Ada' })
}
