/*
 * Hono has no adapter and does not need one. A middleware of ten lines finds the tenant and runs the rest of
 * the request in its scope. The same works for any framework whose `next()` returns a promise.
 */
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { createMiddleware } from 'hono/factory'
import { type BoundKnex, createTenantKnex } from 'tenant-knex'
import { fetchRequest, type Resolver, subdomain } from 'tenant-knex/resolve'

const { DATABASE_URL = '', DATABASE_PREFIX = '', PORT = '3000' } = process.env

const tenants = new Set(['acme', 'globex'])
const tenantKnex = createTenantKnex({
  connection: DATABASE_URL,
  database: (id) => (tenants.has(id) ? `${DATABASE_PREFIX}${id}` : null), // null: no such tenant
})

/** Runs the rest of each request with its tenant in scope, and sets `c.var.knex`. */
function tenantMiddleware(resolve: Resolver) {
  return createMiddleware<{ Variables: { knex: BoundKnex } }>(async (c, next) => {
    const tenant = await resolve(fetchRequest(c.req.raw, c))
    if (typeof tenant !== 'string') return c.notFound()
    await tenantKnex.lookup(tenant) // throws if there is no such tenant
    await tenantKnex.run(tenant, (knex) => {
      c.set('knex', knex)
      return next()
    })
  })
}

const app = new Hono()
app.get('/health', (c) => c.json({ status: 'ok' })) // before the middleware: it has no tenant

const notes = new Hono()
  .use(tenantMiddleware(subdomain({ baseDomains: ['localhost'] })))
  .get('/', async (c) => {
    const { tenant } = c.var.knex
    const notes = await tenantKnex.ambient('notes').orderBy('id') // or c.var.knex('notes')
    return c.json({ tenant: tenant.id, notes })
  })
  .get('/count', async (c) => {
    let source = 'cache'
    const count = await c.var.knex.cache.remember('count', { ttlMillis: 60_000 }, async () => {
      source = 'database'
      const row = await tenantKnex.ambient('notes').count({ count: '*' }).first()
      return Number(row?.count)
    })
    return c.json({ count, source })
  })
  .post('/', async (c) => {
    const body = await c.req.json<{ text?: unknown }>()
    const text = String(body.text ?? '')
    if (text.trim() === '' || text.length > 200) {
      return c.json({ error: 'A note has a text of 1 to 200 characters.' }, 400)
    }
    const id = await c.var.knex.transaction(async (trx) => {
      const [id] = await trx('notes').insert({ text })
      await trx.cache.delete('count') // deleted when the transaction is committed
      return id
    })
    return c.json({ id }, 201)
  })
app.route('/notes', notes)

/** The statuses for errors of the resolvers and of the look-up. */
const STATUSES = {
  ERR_REQUEST_INVALID: 400,
  ERR_TENANT_ID_INVALID: 404,
  ERR_TENANT_UNKNOWN: 404,
  ERR_LOOKUP_FAILED: 503,
} as const
app.notFound((c) => c.json({ error: 'There is nothing here.' }, 404))
app.onError((error, c) => {
  const { code } = error as { code?: string }
  const status = STATUSES[code as keyof typeof STATUSES] ?? 500
  if (status >= 500) console.error(error)
  return c.json(
    { error: status === 404 ? 'There is no such tenant.' : 'Something went wrong.' },
    status,
  )
})

const server = serve({ fetch: app.fetch, port: Number(PORT), hostname: '127.0.0.1' })
process.once('SIGTERM', async () => {
  const late = setTimeout(() => {
    if ('closeAllConnections' in server) server.closeAllConnections() // HTTP/2 does not have it
  }, 5_000)
  await new Promise((done) => server.close(done)) // lets running requests end
  clearTimeout(late)
  await tenantKnex.destroy()
})
