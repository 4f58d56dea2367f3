/*
 * Koa: a middleware gives each request its tenant. The tenants' caches are in one Redis, which all processes
 * of an application share.
 */
import { text } from 'node:stream/consumers'
import Router from '@koa/router'
import Koa, { type Context } from 'koa'
import { createTenantKnex } from 'tenant-knex'
import { tenantMiddleware } from 'tenant-knex/koa'
import { subdomain } from 'tenant-knex/resolve'
import { refusedNote } from '../page/note-form.ts'
import { type Note, type NotesPage, notesPage, notFoundPage } from '../page/notes-page.ts'
import { proofRoutes } from './proof/routes.ts'
import { type Proof, proofSection } from './proof/section.ts'

const { DATABASE_URL = '', DATABASE_PREFIX = '', REDIS_URL = '' } = process.env
const { PORT: port = '3000' } = process.env
const framework = 'Koa'

const tenants = new Set(['acme', 'globex'])
const tenantKnex = createTenantKnex({
  connection: DATABASE_URL,
  database: (id) => (tenants.has(id) ? `${DATABASE_PREFIX}${id}` : null), // null: no such tenant
  pool: { max: 5 }, // fewer than usual, so that tenants share connections
  cache: {
    store: REDIS_URL,
    root: `${DATABASE_PREFIX}cache`, // all keys begin with this
    timeoutMillis: 1_000, // longer than usual, for busy machines
  },
})

const app = new Koa()
app.use(
  tenantMiddleware(tenantKnex, {
    resolve: subdomain({ baseDomains: ['localhost'] }), // acme.localhost belongs to acme
    onNotFound(ctx) {
      ctx.status = 404
      ctx.body = notFoundPage({ framework, port, host: ctx.hostname })
    },
  }),
)

const router = new Router()
router.get('/', (ctx) => showPage(ctx))

router.post('/notes', async (ctx) => {
  const form = new URLSearchParams(await text(ctx.req)) // a body parser would limit its length
  const note = form.get('text') ?? ''
  const refused = refusedNote(note)
  if (refused) {
    ctx.status = 422
    return showPage(ctx, { refused })
  }
  await tenantKnex.current().transaction(async (trx) => {
    await trx('notes').insert({ text: note })
    await trx.cache.delete('notes') // deleted when the transaction is committed
  })
  ctx.status = 303
  ctx.redirect('/')
})

router.post('/cache/clear', async (ctx) => {
  await tenantKnex.current().cache.clear() // only this tenant's entries
  ctx.status = 303
  ctx.redirect('/')
})

interface Shown extends Pick<NotesPage, 'refused'> {
  readonly proof?: Proof
}

async function showPage(ctx: Context, { refused, proof }: Shown = {}): Promise<void> {
  const knex = tenantKnex.current() // or ctx.state.knex, which is undefined if `skip` returned true
  const { tenant } = knex
  let isHit = true
  const notes = await knex.cache.remember('notes', { ttlMillis: 60_000 }, () => {
    isHit = false
    return readNotes()
  })
  const { max } = tenantKnex.stats().servers[0]
  const above = proofSection({ tenants: [...tenants], max, proof })
  const script = '/browser.js'
  const store = 'Redis'
  const page = { framework, port, tenant, notes, isHit, store, above, script, refused }
  ctx.set('x-cache', isHit ? 'hit' : 'miss')
  ctx.body = notesPage(page)
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

const stopped = new AbortController()
const proof = proofRoutes({
  tenantKnex,
  tenants: [...tenants],
  port: Number(port),
  showProof: (ctx, proof) => showPage(ctx, { proof }),
  stopped: stopped.signal,
})

app.use(router.routes()).use(proof.routes())
await tenantKnex.sharedCache.has('-') // connects to Redis before the first request
const server = app.listen(Number(port), '127.0.0.1')
process.once('SIGTERM', async () => {
  stopped.abort() // ends the pages' event streams
  const late = setTimeout(() => server.closeAllConnections(), 5_000)
  await new Promise((done) => server.close(done)) // lets running requests end
  clearTimeout(late)
  await tenantKnex.destroy()
})
