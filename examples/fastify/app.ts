/* Fastify: a plugin gives each request its tenant. The path names it: /acme/notes. */
import fastify, { type FastifyPluginAsync } from 'fastify'
import { createTenantKnex } from 'tenant-knex'
import { tenantPlugin } from 'tenant-knex/fastify'
import { pathSegment } from 'tenant-knex/resolve'

const { DATABASE_URL = '', DATABASE_PREFIX = '', PORT = '3000' } = process.env

const tenants = new Set(['acme', 'globex'])
const tenantKnex = createTenantKnex({
  connection: DATABASE_URL,
  database: (id) => (tenants.has(id) ? `${DATABASE_PREFIX}${id}` : null), // null: no such tenant
})

const app = fastify()
await app.register(tenantPlugin, {
  tenantKnex,
  resolve: pathSegment(),
  skip: ({ url }) => url.split('?')[0] === '/health', // `url` includes the query
})
app.addHook('onClose', () => tenantKnex.destroy())

app.get('/health', async () => {
  await tenantKnex.check()
  return { status: 'ok' }
})

const notes: FastifyPluginAsync = async (app) => {
  app.get('/', async ({ tenant }) => {
    const notes = await tenantKnex.ambient('notes').orderBy('id') // or request.knex
    return { tenant: tenant?.id, notes }
  })

  app.get('/count', async () => {
    const { cache } = tenantKnex.current()
    let source = 'cache'
    const count = await cache.remember('count', { ttlMillis: 60_000 }, async () => {
      source = 'database'
      const row = await tenantKnex.ambient('notes').count({ count: '*' }).first()
      return Number(row?.count)
    })
    return { count, source }
  })

  const text = { type: 'string', pattern: '\\S', maxLength: 200 } // not just spaces
  const schema = { body: { type: 'object', required: ['text'], properties: { text } } }
  app.post<{ Body: { text: string } }>('/', { schema }, async ({ body }, reply) => {
    const id = await tenantKnex.current().transaction(async (trx) => {
      const [id] = await trx('notes').insert({ text: body.text })
      await trx.cache.delete('count') // deleted when the transaction is committed
      return id
    })
    return reply.code(201).send({ id })
  })
}
await app.register(notes, { prefix: '/:tenant/notes' })

process.once('SIGTERM', () => app.close())
await app.listen({ port: Number(PORT), host: '127.0.0.1' })
