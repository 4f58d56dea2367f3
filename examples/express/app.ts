/*
 * Express: a middleware gives each request its tenant. The sub-domain names the tenant, or, for services
 * behind a gateway, a header does. The health check has no tenant.
 */
import express, { type ErrorRequestHandler } from 'express'
import { createTenantKnex } from 'tenant-knex'
import { tenantMiddleware } from 'tenant-knex/express'
import { firstOf, header, subdomain } from 'tenant-knex/resolve'

const { DATABASE_URL = '', DATABASE_PREFIX = '', PORT = '3000' } = process.env

const tenants = new Set(['acme', 'globex'])
const tenantKnex = createTenantKnex({
  connection: DATABASE_URL,
  database: (id) => (tenants.has(id) ? `${DATABASE_PREFIX}${id}` : null), // null: no such tenant
})

const app = express()
app.use(
  tenantMiddleware(tenantKnex, {
    resolve: firstOf(subdomain({ baseDomains: ['localhost'] }), header('x-tenant')),
    skip: ({ url }) => url.split('?')[0] === '/health', // `url` includes the query
  }),
)
app.use(express.json())

app.get('/health', async (_req, res) => {
  await tenantKnex.check()
  res.json({ status: 'ok' })
})

app.get('/notes', async (req, res) => {
  const notes = await tenantKnex.ambient('notes').orderBy('id') // or req.knex
  res.json({ tenant: req.tenant?.id, notes })
})

app.get('/notes/count', async (_req, res) => {
  const { cache } = tenantKnex.current()
  let source = 'cache'
  const count = await cache.remember('count', { ttlMillis: 60_000 }, async () => {
    source = 'database'
    const row = await tenantKnex.ambient('notes').count({ count: '*' }).first()
    return Number(row?.count)
  })
  res.json({ count, source })
})

app.post('/notes', async (req, res) => {
  const text = String(req.body?.text ?? '')
  if (text.trim() === '' || text.length > 200) {
    res.status(400).json({ error: 'A note has a text of 1 to 200 characters.' })
    return
  }
  const id = await tenantKnex.current().transaction(async (trx) => {
    const [id] = await trx('notes').insert({ text })
    await trx.cache.delete('count') // deleted when the transaction is committed
    return id
  })
  res.status(201).json({ id })
})

/**
 * Errors for unknown tenants come here too, with `status` 404. `expose` is true if the message may be shown.
 */
const onError: ErrorRequestHandler = (error, _req, res, _next) => {
  const { status = 500, expose = false, message } = error
  if (status >= 500) console.error(error)
  res.status(status).json({ error: expose ? message : 'Something went wrong.' })
}
app.use(onError)

const server = app.listen(Number(PORT), '127.0.0.1')
process.once('SIGTERM', async () => {
  const late = setTimeout(() => server.closeAllConnections(), 5_000)
  await new Promise((done) => server.close(done)) // lets running requests end
  clearTimeout(late)
  await tenantKnex.destroy()
})
