import type { AddressInfo } from 'node:net'
import type { Readable } from 'node:stream'
import fastify, { type FastifyError, type FastifyInstance, type FastifyRequest } from 'fastify'
import {
  rewriteTenantUrl,
  type TenantPluginOptions,
  tenantPlugin,
} from '../../../../src/adapters/fastify.ts'
import type { Application, ApplicationOptions, Seen } from './application.ts'
import { httpContract } from './contract.ts'

httpContract({
  name: 'Fastify 5',
  hasAfterHook: true,
  cannotGoOn: true,
  async start(app, options) {
    const given = pluginOptions(app, options)
    const server = fastify({ rewriteUrl: rewriteTenantUrl(given) })
    app.watch(server.server)
    server.addHook('onRequest', (request, reply, done) => {
      app.note('earlier', request.raw)
      if (request.originalUrl === '/plain') reply.send('plain')
      else done()
    })
    if (app.other) await server.register(tenantPlugin, app.other)
    await server.register(tenantPlugin, given)
    server.setErrorHandler((error: FastifyError, request, reply) => {
      app.note('error', request.raw)
      reply.code(error.statusCode ?? 500).send(app.failure(error, request.raw))
    })
    server.addHook('onResponse', async ({ raw }) => app.note('hook', raw))
    addRoutes(app, server)
    await server.listen({ host: '127.0.0.1', port: 0 })
    return {
      port: (server.server.address() as AddressInfo).port,
      async close() {
        server.server.closeAllConnections()
        await server.close()
      },
    }
  },
})

function pluginOptions(app: Application, options: ApplicationOptions): TenantPluginOptions {
  const { notFound, ...rest } = options ?? {}
  const given = { tenantKnex: app.tenantKnex, ...rest }
  if (notFound === 'replaced') {
    return {
      ...given,
      onNotFound: ({ raw }, reply, error) => reply.code(410).send(app.gone(error, raw)),
    }
  }
  if (notFound === 'broken') {
    return {
      ...given,
      async onNotFound() {
        throw new Error('The answer is broken.')
      },
    }
  }
  return given
}

function addRoutes(app: Application, server: FastifyInstance): void {
  const seen = ({ tenant, knex, url }: FastifyRequest): Seen => ({ tenant, knex, url })
  server.get('/rows', (request) => app.rows(request.raw, seen(request)))
  server.get('/ambient', ({ raw }) => app.ambient(raw))
  server.get('/elsewhere', () => app.elsewhere())
  server.get('/transaction', (request) => app.transaction(request.raw, seen(request)))
  server.get('/health', async (request) => app.health(request.raw, seen(request)))
  server.get('/stream', async ({ raw }) => app.stream(raw))
  server.get('/endless', async ({ raw }) => app.endless(raw))
  server.get('/broken-stream', async ({ raw }) => app.brokenStream(raw))
  server.get('/cursor', async ({ raw, knex }) => app.cursor(raw, knex))
  server.get('/throw', () => app.throw())
  server.get('/slow', ({ raw }) => app.slow(raw))
  server.get('/after', async ({ raw }, reply) => app.after(raw, reply.raw))
  // The body is a stream: undici and curl send a content type, Node's client does not.
  server.addContentTypeParser('*', (_request, payload, done) => done(null, payload))
  server.post('/upload', ({ raw, body }) => app.upload(raw, body as Readable))
}
