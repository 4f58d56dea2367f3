// The steps of each consumer, independent of how it has loaded the package. It uses only what a user of the
// package knows. The tenant's database exists already.
const assert = require('node:assert/strict')

module.exports = async function use(tenantKnexPackage) {
  const { TENANT_KNEX_MARIADB_URL: url, CHECK_TENANT: tenant } = process.env
  const tenantKnex = tenantKnexPackage.createTenantKnex({
    connection: url ?? { host: 'localhost' },
  })
  try {
    refusesBadId(tenantKnex, tenantKnexPackage.TenantKnexError)
    await caches(tenantKnex)
    await refusesRedisWithoutItsPackage(tenantKnexPackage)
    if (url) await writesAndReads(tenantKnex, tenant)
  } finally {
    await tenantKnex.destroy()
  }
}

function refusesBadId(tenantKnex, TenantKnexError) {
  try {
    tenantKnex('UPPER')
  } catch (error) {
    assert.ok(error instanceof TenantKnexError)
    assert.ok(error instanceof Error)
    assert.equal(error.code, 'ERR_TENANT_ID_INVALID')
    return
  }
  assert.fail('a bad tenant id was accepted')
}

async function caches(tenantKnex) {
  const { cache } = tenantKnex('a')
  await cache.set('key', { name: 'Ada' })
  assert.deepEqual(await cache.get('key'), { name: 'Ada' })
  assert.equal(await tenantKnex('b').cache.get('key'), undefined)
  const computed = await cache.remember('other', {}, () => tenantKnex.current().tenant.id)
  assert.equal(computed, 'a')
}

async function refusesRedisWithoutItsPackage({ createTenantKnex }) {
  const connection = { host: 'localhost' }
  const tenantKnex = createTenantKnex({ connection, cache: { store: 'redis://localhost' } })
  await assert.rejects(tenantKnex('a').cache.get('key'), (error) => {
    assert.equal(error.code, 'ERR_OPTION_INVALID')
    assert.match(error.message, /npm install @keyv\/redis/)
    return true
  })
  await tenantKnex.destroy()
}

async function writesAndReads(tenantKnex, tenant) {
  const knex = tenantKnex(tenant)
  await knex.schema.dropTableIfExists('users')
  await knex.schema.createTable('users', (table) => {
    table.integer('id').primary()
    table.string('name')
  })
  await knex.transaction(async (trx) => {
    await trx('users').insert({ id: 1, name: 'Ada' })
  })
  const row = await tenantKnex.run(tenant, () => tenantKnex.ambient('users').first())
  assert.deepEqual({ ...row }, { id: 1, name: 'Ada' })
}
