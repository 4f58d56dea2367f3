// The modules for requests load without any framework. Each copy accepts objects of the other copy.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { createTenantKnex } from 'tenant-knex'

const require = createRequire(import.meta.url)
const tenantKnex = createTenantKnex({ connection: 'mysql://localhost' })

for (const load of [(name) => import(name), async (name) => require(name)]) {
  const { nodeRequest, subdomain } = await load('tenant-knex/resolve')
  const resolve = subdomain({ baseDomains: ['example.com'] })
  const headers = { host: 'acme.example.com' }
  assert.equal(resolve(nodeRequest({ url: '/', headers })), 'acme')
  for (const name of ['koa', 'express']) {
    const { tenantMiddleware } = await load(`tenant-knex/${name}`)
    assert.equal(typeof tenantMiddleware(tenantKnex, { resolve }), 'function')
    assert.throws(() => tenantMiddleware({}, { resolve }), { code: 'ERR_OPTION_INVALID' })
  }
  for (const name of ['koa', 'express', 'fastify', 'hapi']) {
    const { TenantRequestError } = await load(`tenant-knex/${name}`)
    assert.equal(TenantRequestError.name, 'TenantRequestError')
  }
  const { tenantPlugin, rewriteTenantUrl } = await load('tenant-knex/fastify')
  assert.equal(typeof tenantPlugin, 'function')
  assert.equal(typeof rewriteTenantUrl, 'function')
  assert.equal((await load('tenant-knex/hapi')).tenantPlugin.name, 'tenant-knex')
}
await tenantKnex.destroy()
