/*
 * Koa: a middleware gives each request its tenant. Their caches are in one Redis, so that all
 * processes of an application share them.
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
  pool: { max: 5 }, // fewer than usual, so that the tenants have to share each of them
  cache: {
    store: REDIS_URL,
    root: `${DATABASE_PREFIX}cache`, // what all keys begin with
    timeoutMillis: 1_000, // for machines that are busy
  },
})

const app = new Koa()
app.use(
  tenantMiddleware(tenantKnex, {
    resolve: subdomain({ baseDomains: ['localhost'] }), // acme.localhost is acme's
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
    await trx.cache.delete('notes') // is forgotten once the transaction is committed
  })
  ctx.status = 303
  ctx.redirect('/')
})

router.post('/cache/clear', async (ctx) => {
  await tenantKnex.current().cache.clear() // of this tenant alone
  ctx.status = 303
  ctx.redirect('/')
})

interface Shown extends Pick<NotesPage, 'refused'> {
  readonly proof?: Proof
}

async function showPage(ctx: Context, { refused, proof }: Shown = {}): Promise<void> {
  const knex = tenantKnex.current() // or ctx.state.knex, which is undefined where `skip` says so
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

/** Nobody hands a Knex in: `ambient` is that of the tenant whose request this is. */
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
await tenantKnex.sharedCache.has('-') // connects to Redis, so that no request has to
const server = app.listen(Number(port), '127.0.0.1')
process.once('SIGTERM', async () => {
  stopped.abort() // pages that watch the pool would go on
  const late = setTimeout(() => server.closeAllConnections(), 5_000)
  await new Promise((done) => server.close(done)) // answers the requests that have begun
  clearTimeout(late)
  await tenantKnex.destroy()
})
