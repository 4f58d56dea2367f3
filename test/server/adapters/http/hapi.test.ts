import type { Readable } from 'node:stream'
import Hapi, { type Lifecycle, type Request } from '@hapi/hapi'
import { type TenantPluginOptions, tenantPlugin } from '../../../../src/adapters/hapi.ts'
import type { Application, ApplicationOptions, Seen } from './application.ts'
import { httpContract } from './contract.ts'

httpContract({
  name: 'Hapi 21',
  hasAfterHook: true,
  startsInNoScope: true,
  async start(app, options) {
    const server = Hapi.server({ host: '127.0.0.1', port: 0, debug: false })
    app.watch(server.listener)
    server.ext('onRequest', (request, h) => {
      app.note('earlier', request.raw.req)
      return request.path === '/plain' ? h.response('plain').takeover() : h.continue
    })
    if (app.other) await server.register({ plugin: tenantPlugin, options: app.other })
    await server.register({ plugin: tenantPlugin, options: pluginOptions(app, options) })
    server.ext('onPreResponse', ({ response, raw: { req } }, h) => {
      if (!('isBoom' in response)) return h.continue
      app.note('error', req)
      return h.response(app.failure(response, req)).code(response.output.statusCode)
    })
    server.events.on('response', ({ raw: { req } }) => app.note('hook', req))
    addRoutes(app, server)
    await server.start()
    return {
      port: server.info.port as number,
      close: () => server.stop({ timeout: 0 }),
    }
  },
})

function pluginOptions(app: Application, options: ApplicationOptions): TenantPluginOptions {
  const { notFound, ...rest } = options ?? {}
  const given = { tenantKnex: app.tenantKnex, ...rest }
  if (!notFound) return given
  const answers: Record<typeof notFound, TenantPluginOptions['onNotFound']> = {
    replaced: ({ raw: { req } }, h, error) => h.response(app.gone(error, req)).code(410),
    async broken() {
      throw new Error('The answer is broken.')
    },
    continued: (_request, h) => h.continue,
  }
  return { ...given, onNotFound: answers[notFound] as NonNullable<(typeof answers)['replaced']> }
}

function addRoutes(app: Application, server: Hapi.Server): void {
  const seen = ({ tenant, knex, path, url }: Request): Seen => ({
    tenant,
    knex,
    url: path + url.search,
  })
  const get = (path: string, handler: Lifecycle.Method): void => {
    server.route({ method: 'GET', path, handler })
  }
  get('/rows', (request) => app.rows(request.raw.req, seen(request)))
  get('/ambient', ({ raw: { req } }) => app.ambient(req))
  get('/elsewhere', () => app.elsewhere())
  get('/transaction', (request) => app.transaction(request.raw.req, seen(request)))
  get('/health', (request) => app.health(request.raw.req, seen(request)))
  get('/stream', ({ raw: { req } }) => app.stream(req))
  get('/endless', ({ raw: { req } }) => app.endless(req))
  get('/broken-stream', ({ raw: { req } }) => app.brokenStream(req))
  get('/cursor', ({ raw: { req }, knex }) => app.cursor(req, knex))
  get('/throw', () => app.throw())
  get('/slow', ({ raw: { req } }) => app.slow(req))
  get('/after', ({ raw: { req, res } }) => app.after(req, res))
  server.route({
    method: 'POST',
    path: '/upload',
    options: { payload: { output: 'stream', parse: false } },
    handler: ({ raw: { req }, payload }) => app.upload(req, payload as Readable),
  })
}
