import { readFileSync } from 'node:fs'
import { Readable } from 'node:stream'
import Router from '@koa/router'
import type { Context } from 'koa'
import type { TenantKnex } from 'tenant-knex'
import { poolEvents } from './pool-events.ts'
import { type Proof, sentenceOf, verdictOf } from './section.ts'
import { type StampedNote, sendVolley } from './volley.ts'

/** The parts of the application that the proof needs. */
export interface ProofOptions {
  readonly tenantKnex: TenantKnex
  readonly tenants: readonly string[]
  /** The port of this server. */
  readonly port: number
  /** Renders the tenant's page with the proof in it. */
  readonly showProof: (ctx: Context, proof: Proof) => Promise<void>
  /** Ends the pages' event streams. */
  readonly stopped: AbortSignal
}

const WORK_SECONDS = 0.05
const SCRIPT = readFileSync(new URL('browser.js', import.meta.url), 'utf8')

/**
 * The routes of the proof that no row crosses tenants, and of the list of the pool's connections. They are
 * for trying out. An application would show such things only to its operators.
 */
export function proofRoutes(options: ProofOptions): Router {
  const { tenantKnex, tenants, port, showProof, stopped } = options
  const router = new Router()
  const server = () => tenantKnex.stats().servers[0]

  /** Holds its connection for a while, so that other requests wait for one. */
  router.get('/notes', async (ctx) => {
    ctx.body = await tenantKnex.current().transaction(async (trx) => {
      const sql = 'SELECT SLEEP(?), CONNECTION_ID() AS connectionId'
      const [[{ connectionId }]] = await trx.raw(sql, [WORK_SECONDS])
      const notes = await trx<StampedNote>('notes').select('id', 'text', 'tenant').orderBy('id')
      return { connectionId, notes }
    })
  })

  router.post('/proof', async (ctx) => {
    const proof = await proveOnce()
    if (ctx.accepts('html', 'json') === 'html') return showProof(ctx, proof)
    ctx.body = { ...proof, verdict: verdictOf(proof), sentence: sentenceOf(proof) }
  })

  router.get('/pool', (ctx) => {
    ctx.type = 'text/event-stream'
    ctx.set('cache-control', 'no-store')
    ctx.body = Readable.from(poolEvents(tenantKnex, stopped))
  })

  router.get('/browser.js', (ctx) => {
    ctx.type = 'text/javascript'
    ctx.body = SCRIPT
  })

  let running: Promise<Proof> | undefined
  /** Concurrent callers share one proof: two proofs would count each other's switches. */
  function proveOnce(): Promise<Proof> {
    running ??= prove().finally(() => {
      running = undefined
    })
    return running
  }

  async function prove(): Promise<Proof> {
    const { switches } = server()
    const outcome = await sendVolley(port, tenants)
    return { ...outcome, switches: server().switches - switches }
  }

  return router
}
