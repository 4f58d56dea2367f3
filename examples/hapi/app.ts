/*
 * Hapi: a plugin gives each request its tenant. A central table maps each tenant to its database. The
 * tenants' caches are in this process.
 */
import { server as createServer, type ResponseObject, type ResponseToolkit } from '@hapi/hapi'
import knex from 'knex'
import { createTenantKnex } from 'tenant-knex'
import { tenantPlugin } from 'tenant-knex/hapi'
import { subdomain } from 'tenant-knex/resolve'
import { type RefusedNote, refusedNote } from '../page/note-form.ts'
import { type Note, notesPage, notFoundPage, poolCard } from '../page/notes-page.ts'

const { DATABASE_URL = '', DATABASE_PREFIX = '', PORT: port = '3000' } = process.env
const framework = 'Hapi'

const catalog = knex({
  client: 'mysql2',
  connection: `${DATABASE_URL}${DATABASE_PREFIX}catalog`,
  pool: { min: 0, max: 2 },
})
const tenantKnex = createTenantKnex({
  connection: DATABASE_URL,
  database: async (id) => {
    const tenant = await catalog('tenants').where({ id }).first()
    return tenant?.database_name ?? null // null: no such tenant
  },
})

const server = createServer({ host: '127.0.0.1', port })
await server.register({
  plugin: tenantPlugin,
  options: {
    tenantKnex,
    resolve: subdomain({ baseDomains: ['localhost'] }), // acme.localhost belongs to acme
    onNotFound: ({ info }, h) =>
      h.response(notFoundPage({ framework, port, host: info.hostname })).code(404),
  },
})

server.route({ method: 'GET', path: '/', handler: (_request, h) => showNotes(h) })

server.route({
  method: 'POST',
  path: '/notes',
  async handler({ payload }, h) {
    const { text = '' } = (payload ?? {}) as { text?: string | string[] }
    const note = String(text)
    const refused = refusedNote(note)
    if (refused) return (await showNotes(h, refused)).code(422)
    await tenantKnex.current().transaction(async (trx) => {
      await trx('notes').insert({ text: note })
      await trx.cache.delete('notes') // deleted when the transaction is committed
    })
    return h.redirect('/').code(303)
  },
})

server.route({
  method: 'POST',
  path: '/cache/clear',
  async handler(_request, h) {
    await tenantKnex.current().cache.clear() // only this tenant's entries
    return h.redirect('/').code(303)
  },
})

async function showNotes(h: ResponseToolkit, refused?: RefusedNote): Promise<ResponseObject> {
  const knex = tenantKnex.current() // or request.knex, which is undefined if `skip` returned true
  const { tenant } = knex
  let isHit = true
  const notes = await knex.cache.remember('notes', { ttlMillis: 60_000 }, () => {
    isHit = false
    return readNotes()
  })
  const beside = poolCard(tenantKnex.stats().servers[0].connections)
  const store = 'this process'
  const page = { framework, port, tenant, notes, isHit, store, beside, refused }
  return h.response(notesPage(page)).header('x-cache', isHit ? 'hit' : 'miss')
}

/** Takes no Knex: `ambient` belongs to the tenant of the request. */
async function readNotes(): Promise<Note[]> {
  return tenantKnex
    .ambient('notes')
    .leftJoin('authors', 'authors.id', 'notes.author_id')
    .select('notes.id', 'notes.text', 'authors.name as author')
    .orderBy('notes.id', 'desc')
    .limit(20)
}

process.once('SIGTERM', async () => {
  await server.stop()
  await Promise.all([tenantKnex.destroy(), catalog.destroy()])
})
await server.start()
