import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import Hapi from '@hapi/hapi'
import express from 'express'
import express4 from 'express4'
import fastify, { type FastifyInstance } from 'fastify'
import Koa, { type Context, type Middleware } from 'koa'
import koa2 from 'koa2'
import { tenantMiddleware as forExpress } from '../../src/adapters/express.ts'
import { tenantPlugin as forFastify } from '../../src/adapters/fastify.ts'
import { tenantPlugin as forHapi } from '../../src/adapters/hapi.ts'
import type { RequestOptions } from '../../src/adapters/http/request-tenants.ts'
import { tenantMiddleware as forKoa } from '../../src/adapters/koa.ts'
import type { Running } from '../../test/server/adapters/http/application.ts'
import { answer, listen } from './behaviour.ts'
import { NAMES, type Name, type Watch } from './watch.ts'

/** An application with one or several frameworks. */
export interface Shape {
  readonly name: string
  /** The tenantKnexes whose adapters are in use. */
  readonly used: readonly Name[]
  start(watch: Watch): Promise<Running>
}

const ONE: readonly Name[] = ['x-tenant']

/** Some requests have no tenant. Others get theirs later. */
function optionsOf(name: Name): RequestOptions {
  return {
    resolve(request) {
      const [tenant] = request.header(name)
      const isLater = request.header('x-later').length > 0
      return isLater ? new Promise((done) => setImmediate(done, tenant)) : tenant
    },
    skip: (request) => isPlain(request.url) || request.header(name).length === 0,
  }
}

/** True for requests that no adapter may see. */
function isPlain(url: string | undefined): boolean {
  return url?.startsWith('/plain') === true
}

type CreateExpress = typeof express

/** An Express application with adapters, and its handlers. */
function expressApp(
  create: CreateExpress,
  watch: Watch,
  names: readonly Name[],
  ...behind: express.RequestHandler[]
): express.Express {
  const app = create()
  app.set('env', 'test')
  app.use((req, res, next) => {
    if (isPlain(req.url)) answer(watch, req, res, 'outer')
    else next()
  })
  for (const name of names) app.use(forExpress(watch.tenantKnexes[name], optionsOf(name)))
  for (const handler of behind) app.use(handler)
  return app
}

/** As `vhost` calls an application: directly, not mounted. */
function called(app: express.Express): express.RequestHandler {
  return (req, res, next) => app(req, res, next)
}

function onExpress(
  name: string,
  used: readonly Name[],
  build: (watch: Watch, reply: express.RequestHandler) => express.Express,
): Shape {
  return {
    name,
    used,
    start: (watch) =>
      serve(
        watch,
        build(watch, (req, res) => answer(watch, req, res)),
      ),
  }
}

function expressShapes(version: string, create: CreateExpress, other: CreateExpress): Shape[] {
  const app = expressApp.bind(null, create)
  return [
    onExpress(version, ONE, (watch, reply) => app(watch, ONE, reply)),
    onExpress(`${version}, two adapters`, NAMES, (watch, reply) => app(watch, NAMES, reply)),
    onExpress(`${version}, one app calls another`, ONE, (watch, reply) =>
      app(watch, ONE, called(app(watch, [], reply))),
    ),
    onExpress(`${version}, the adapter is in an app that is called`, ONE, (watch, reply) =>
      app(watch, [], called(app(watch, ONE)), reply),
    ),
    onExpress(`${version}, each app has an adapter`, NAMES, (watch, reply) =>
      app(watch, ['x-tenant'], called(app(watch, ['y-tenant'], reply))),
    ),
    onExpress(`${version}, an app is mounted in two`, ONE, (watch, reply) => {
      const inner = app(watch, [], reply)
      const first = app(watch, ONE, inner)
      app(watch, [], inner)
      return first
    }),
    onExpress(`${version}, mounted with an adapter`, NAMES, (watch, reply) =>
      app(watch, ['x-tenant'], app(watch, ['y-tenant']), reply),
    ),
    onExpress(`${version} calls the other`, NAMES, (watch, reply) =>
      app(watch, ['x-tenant'], called(expressApp(other, watch, ['y-tenant'], reply))),
    ),
    onExpress(`${version} mounts one that calls the other with the adapter`, ONE, (watch, reply) =>
      app(watch, [], app(watch, [], called(expressApp(other, watch, ONE))), reply),
    ),
  ]
}

function koaApp(
  create: typeof Koa,
  watch: Watch,
  names: readonly Name[],
  reply: Middleware = koaReply(watch),
): Koa {
  const app = new create()
  app.silent = true
  app.use((ctx, next) => {
    if (!isPlain(ctx.url)) return next()
    ctx.respond = false
    answer(watch, ctx.req, ctx.res, 'outer')
  })
  for (const name of names) app.use(forKoa(watch.tenantKnexes[name], optionsOf(name)))
  app.use(reply)
  return app
}

function koaReply(watch: Watch): Middleware {
  return async (ctx) => {
    if (ctx.url === '/streamed') {
      watch.look('handler', ctx.req, 'own')
      listen(watch, ctx.req, ctx.res, 'own')
      ctx.body =
        ctx.get('x-web') && 'ctxStorage' in ctx.app ? webBody(watch, ctx) : body(watch, ctx)
      return
    }
    ctx.respond = false
    answer(watch, ctx.req, ctx.res)
  }
}

function body(watch: Watch, { req }: Pick<Context, 'req'>): Readable {
  let left = 5
  return new Readable({
    read() {
      watch.look('read', req, 'own')
      this.push(left-- > 0 ? 'z'.repeat(30_000) : null)
    },
    destroy(error, done) {
      watch.look('destroy', req, 'own')
      done(error)
    },
  })
}

function webBody(watch: Watch, { req }: Context): ReadableStream | Response {
  let left = 5
  const stream = new ReadableStream({
    pull(controller) {
      watch.look('pull', req, 'own')
      if (left-- > 0) controller.enqueue(Buffer.alloc(30_000))
      else controller.close()
    },
    cancel: () => watch.look('cancel', req, 'own'),
  })
  return req.headers['x-early'] ? new Response(stream as never) : stream
}

function koaShapes(version: string, create: typeof Koa): Shape[] {
  const shape = (name: string, used: readonly Name[], build: (watch: Watch) => Koa): Shape => ({
    name: `${version}${name}`,
    used,
    start: (watch) => serve(watch, build(watch).callback()),
  })
  return [
    shape('', ONE, (watch) => koaApp(create, watch, ONE)),
    shape(', two adapters', NAMES, (watch) => koaApp(create, watch, NAMES)),
    shape(' calls Express', NAMES, (watch) => {
      const inner = expressApp(express, watch, ['y-tenant'], (req, res) => answer(watch, req, res))
      return koaApp(create, watch, ['x-tenant'], (ctx) => {
        ctx.respond = false
        inner(ctx.req as express.Request, ctx.res as express.Response)
      })
    }),
    {
      name: `Express calls ${version}`,
      used: NAMES,
      start(watch) {
        const inner = koaApp(create, watch, ['y-tenant']).callback()
        return serve(
          watch,
          expressApp(express, watch, ['x-tenant'], (req, res) => void inner(req, res)),
        )
      },
    },
  ]
}

function fastifyShape(name: string, used: readonly Name[], isNested: boolean): Shape {
  return {
    name,
    used,
    async start(watch) {
      const app = fastify()
      outer(watch, app.server)
      app.addHook('onRequest', (request, reply, done) => {
        if (!isPlain(request.url)) return done()
        reply.hijack()
        answer(watch, request.raw, reply.raw, 'outer')
      })
      const add = async (context: FastifyInstance, names: readonly Name[]): Promise<void> => {
        for (const name of names) {
          const tenantKnex = watch.tenantKnexes[name]
          await context.register(forFastify, { ...optionsOf(name), tenantKnex })
        }
      }
      const route = (context: FastifyInstance): void => {
        context.addContentTypeParser('*', (_request, _payload, done) => done(null))
        context.all('/streamed', async ({ raw }, reply) => {
          listen(watch, raw, reply.raw, 'own')
          return body(watch, { req: raw })
        })
        context.all('/*', async ({ raw }, reply) => {
          reply.hijack()
          answer(watch, raw, reply.raw)
        })
      }
      await add(app, used.slice(0, 1))
      if (isNested) {
        await app.register(async (inner) => {
          await add(inner, used.slice(1))
          route(inner)
        })
      } else {
        await add(app, used.slice(1))
        route(app)
      }
      await app.listen({ host: '127.0.0.1', port: 0 })
      return running(app.server)
    },
  }
}

function hapiShape(name: string, used: readonly Name[]): Shape {
  return {
    name,
    used,
    async start(watch) {
      const server = Hapi.server({ host: '127.0.0.1', port: 0, debug: false })
      outer(watch, server.listener)
      for (const name of used) {
        const tenantKnex = watch.tenantKnexes[name]
        await server.register({ plugin: forHapi, options: { ...optionsOf(name), tenantKnex } })
      }
      server.route({
        method: '*',
        path: '/{path*}',
        options: { payload: { output: 'stream', parse: false } },
        handler({ raw: { req, res } }, h) {
          if (req.url === '/streamed') {
            listen(watch, req, res, 'own')
            return body(watch, { req })
          }
          answer(watch, req, res)
          return h.abandon
        },
      } as Hapi.ServerRoute)
      await server.start()
      return running(server.listener as Server)
    },
  }
}

/** Checks the events of all requests before any framework sees them. */
function outer(watch: Watch, server: Pick<Server, 'prependListener'>): void {
  server.prependListener('request', (req, res) => listen(watch, req, res, 'outer'))
}

async function serve(watch: Watch, listener: RequestListener): Promise<Running> {
  const server = createServer(listener)
  outer(watch, server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return running(server)
}

function running(server: Server): Running {
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** All shapes. */
export const SHAPES: readonly Shape[] = [
  ...expressShapes('Express 5', express, express4),
  ...expressShapes('Express 4', express4, express),
  ...koaShapes('Koa 3', Koa),
  ...koaShapes('Koa 2', koa2),
  fastifyShape('Fastify', ONE, false),
  fastifyShape('Fastify, two adapters', NAMES, false),
  fastifyShape('Fastify, a context in another', NAMES, true),
  hapiShape('Hapi', ONE),
  hapiShape('Hapi, two adapters', NAMES),
]
