import { createServer } from 'node:http'
import { connect, createServer as createHttp2Server } from 'node:http2'
import { PassThrough, Readable } from 'node:stream'
import Router from '@koa/router'
import { expect } from 'chai'
import Koa, { type Context, type Middleware } from 'koa'
import Koa2 from 'koa2'
import { type TenantMiddlewareOptions, tenantMiddleware } from '../../../../src/adapters/koa.ts'
import { TenantKnexError } from '../../../../src/index.ts'
import { fixed, type Resolver } from '../../../../src/resolve/index.ts'
import { onEachServer, until } from '../../../support/tenants.ts'
import type { Application, ApplicationOptions, Framework, Seen } from './application.ts'
import { httpContract } from './contract.ts'
import { serve } from './serve.ts'
import { sharedTenants } from './shared-tenants.ts'
import { own, resolve, type World, withSoundApplication } from './world.ts'

httpContract(framework('Koa 3', Koa))
httpContract(framework('Koa 2', Koa2))

/** The parts of an application. */
interface KoaParts {
  readonly resolver?: Resolver
  readonly before?: readonly Middleware[]
  readonly after: (app: Application) => readonly Middleware[]
}

onEachServer('given a Koa application', (server) => {
  const { databaseOf } = sharedTenants(server, ['a', 'b'])

  /** Runs a test with middleware of its own around the adapter. */
  const withKoa = (
    { resolver = resolve, before = [], after }: KoaParts,
    test: (world: World) => Promise<void>,
  ): Promise<void> =>
    withSoundApplication(
      server,
      databaseOf,
      (app) => {
        const koa = new Koa()
        koa.on('error', (_error: unknown, ctx: Context) => app.note('error', ctx.req))
        for (const middleware of before) koa.use(middleware)
        koa.use(tenantMiddleware(app.tenantKnex, { resolve: resolver }))
        for (const middleware of after(app)) koa.use(middleware)
        return serve(app, createServer(koa.callback()))
      },
      test,
    )

  /** Four lines with the name of the tenant. */
  const expectStream = (body: string, tenant: string): void => {
    const line = JSON.stringify({ request: `1:${tenant}`, inScope: tenant, rows: [tenant] })
    expect(body).to.equal(`${line}\n`.repeat(4))
  }

  describe('when its body is a stream', () => {
    it('that middleware before the adapter gives to another one, then it is filled in scope', () => {
      const compress: Middleware = async (ctx, next) => {
        await next()
        ctx.body = ctx.body.pipe(new PassThrough())
      }
      const after = (app: Application): Middleware[] => [
        (ctx) => {
          ctx.body = app.stream(ctx.req)
        },
      ]
      return withKoa({ before: [compress], after }, async ({ client }) => {
        const { body } = await client.ask(own('/', 'a'))
        expectStream(body, 'a')
      })
    })

    it('that middleware before the adapter makes, then it is filled in scope', () => {
      let body: () => Readable
      const late: Middleware = async (ctx, next) => {
        await next()
        ctx.body = body()
      }
      const after = (app: Application): Middleware[] => [
        (ctx) => {
          body = () => app.stream(ctx.req)
        },
      ]
      return withKoa({ before: [late], after }, async ({ client }) => {
        const { body } = await client.ask(own('/', 'b'))
        expectStream(body, 'b')
      })
    })

    /** Answers with five chunks. Each is made when it is read. */
    const webStream = (app: Application, ctx: Context): ReadableStream => {
      let left = 5
      return new ReadableStream({
        pull(controller) {
          app.note('pull', ctx.req)
          if (left-- > 0) controller.enqueue(Buffer.from('chunk'))
          else controller.close()
        },
      })
    }
    /** The body that a handler sets, and the body that middleware before the adapter makes of it. */
    const bodies: [string, (stream: ReadableStream) => unknown, ((body: never) => unknown)?][] = [
      ['of the web', (stream) => stream],
      ['of a `Response`', (stream) => new Response(stream as never)],
      ['of the web that is piped on', (stream) => stream, pipeOn],
      ['of the web that is read by hand', (stream) => stream, readByHand],
      ['of the web that is one of two', (stream) => stream, (stream) => teeOf(stream)],
    ]
    for (const [what, bodyOf, change] of bodies) {
      it(`${what}, then it is filled in scope`, () => {
        const before: Middleware = async (ctx, next) => {
          await next()
          if (change) ctx.body = await change(ctx.body as never)
        }
        const after = (app: Application): Middleware[] => [
          (ctx) => {
            ctx.body = bodyOf(webStream(app, ctx))
          },
        ]
        return withKoa({ before: [before], after }, async ({ app, client }) => {
          const { body } = await client.ask(own('/', 'b'))
          expect(body).to.equal('chunk'.repeat(5))
          expect(app.placesOf('1:b').filter((place) => place === 'pull')).to.have.length(6)
        })
      })
    }

    it('of the web, and its client hangs up, then it ends in scope', () => {
      const after = (app: Application): Middleware[] => [
        (ctx) => {
          ctx.body = new ReadableStream({
            pull: (controller) => controller.enqueue(Buffer.alloc(100_000)),
            cancel: () => app.note('cancel', ctx.req),
          })
        },
      ]
      return withKoa({ after }, async ({ app, client }) => {
        await client.abortAnswer(own('/', 'a'))
        await until('it ends', () => app.placesOf('1:a').includes('cancel'))
      })
    })

    it('of another library’s class, then it is filled in scope', () => {
      let read = (): unknown => undefined
      const after = (app: Application): Middleware[] => [
        (ctx) => {
          const body = { _read: () => app.note('read', ctx.req), _destroy: () => undefined }
          ctx.body = body
          read = () => body._read()
          ctx.body = 'what is sent'
        },
      ]
      return withKoa({ after }, async ({ app, client }) => {
        expect(await client.ask(own('/', 'a'))).to.include({ body: 'what is sent' })
        read()
        expect(app.placesOf('1:a')).to.include('read')
      })
    })

    it('that has all of it at once, then its listeners run in scope, and so does its end', () => {
      const after = (app: Application): Middleware[] => [
        ({ req, response }) => {
          const body = new Readable({
            read() {
              app.note('read', req)
              this.push('all of it')
              this.push(null)
            },
            destroy(error, done) {
              app.note('destroy', req)
              done(error)
            },
          })
          for (const event of ['end', 'close']) body.on(event, () => app.note(event, req))
          response.body = body
        },
      ]
      return withKoa({ after }, async ({ app, client }) => {
        expect(await client.ask(own('/', 'a'))).to.include({ body: 'all of it' })
        await until('it closes', () => app.placesOf('1:a').includes('close'))
        expect(app.placesOf('1:a')).to.include.members(['read', 'end', 'destroy'])
      })
    })
  })

  describe('when it has no middleware for errors', () => {
    it('then its `error` event has the tenant in scope', () =>
      withKoa({ after: (app) => [() => app.throw()] }, async ({ app, client }) => {
        expect(await client.ask(own('/', 'b'))).to.include({ status: 500 })
        expect(app.placesOf('1:b')).to.include('error')
      }))

    it('then a request that fails before the adapter is answered, after one that did not', () => {
      const before: Middleware = (ctx, next) => {
        if (ctx.path === '/early') throw new Error('Before the adapter.')
        return next()
      }
      const after = (): Middleware[] => [
        (ctx) => {
          ctx.body = 'fine'
        },
      ]
      return withKoa({ before: [before], after }, async ({ client }) => {
        expect(await client.ask(own('/', 'a'))).to.include({ status: 200, body: 'fine' })
        expect(await client.ask({ path: '/early' })).to.include({ status: 500 })
        expect(await client.ask(own('/', 'b'))).to.include({ status: 200, body: 'fine' })
      })
    })

    it('then a request that is for no tenant is told so', () =>
      withKoa({ after: () => [] }, async ({ client }) => {
        expect(await client.ask({ path: '/' })).to.include({
          status: 404,
          body: 'There is no such tenant.',
        })
        expect(await client.ask({ path: '/', host: 'a..example.test' })).to.include({
          status: 400,
          body: 'The request does not say clearly which tenant it is for.',
        })
      }))

    it('then one whose tenant cannot be looked up is told no more than that', () => {
      const isDown = (): never => {
        throw new TenantKnexError('ERR_LOOKUP_FAILED', 'Redis is secret.')
      }
      return withKoa({ resolver: isDown, after: () => [] }, async ({ client }) => {
        const answer = await client.ask({ path: '/' })
        // If the message may be shown, Koa does not log the error.
        expect(answer).to.include({ status: 503, body: 'Service Unavailable' })
      })
    })
  })

  describe('when the resolver strips the tenant from the path', () => {
    it('then Koa has the rest, and what was sent as `originalUrl`; both, also before the adapter', () => {
      const before: Middleware = async (ctx, next) => {
        await next()
        const { url, path, originalUrl, state } = ctx
        ctx.body = { url, path, originalUrl, tenant: state.tenant?.id, is: state.knex?.tenant.id }
      }
      return withKoa({ before: [before], after: () => [() => undefined] }, async ({ client }) => {
        const { body } = await client.ask({ path: '/a/orders?page=2', name: '1:a' })
        expect(JSON.parse(body)).to.deep.equal({
          url: '/orders?page=2',
          path: '/orders',
          originalUrl: '/a/orders?page=2',
          tenant: 'a',
          is: 'a',
        })
      })
    })
  })

  describe('when there is another adapter behind the first', () => {
    it('then what follows is in the scope of the last one', () => {
      const after = (app: Application): Middleware[] => [
        tenantMiddleware(app.tenantKnex, { resolve: fixed('b') }),
        (ctx) => {
          ctx.res.on('finish', () => app.note('finish', ctx.req))
          ctx.body = app.stream(ctx.req)
        },
      ]
      return withKoa({ resolver: fixed('a'), after }, async ({ app, client }) => {
        const { body } = await client.ask({ path: '/', name: '1:b' })
        expectStream(body, 'b')
        await until('it has ended', () => app.placesOf('1:b').includes('finish'))
      })
    })
  })

  describe('when it serves HTTP/2', () => {
    it('then requests of one connection have their own scopes', () =>
      withSoundApplication(
        server,
        databaseOf,
        async (app) => {
          const koa = new Koa()
          koa.use(
            tenantMiddleware(app.tenantKnex, { resolve, skip: ({ url }) => url === '/health' }),
          )
          koa.use(routes(app))
          return serve(app, createHttp2Server(koa.callback()))
        },
        async ({ app, port }) => {
          const session = connect(`http://127.0.0.1:${port}`)
          const ask = async (tenant: string, path: string): Promise<string> => {
            const request = session.request({
              ':path': path,
              ':authority': tenant ? `${tenant}.example.test` : 'other.test',
              'x-request': `1:${tenant}`,
            })
            let body = ''
            for await (const chunk of request.setEncoding('utf8')) body += chunk
            return body
          }
          const answers = ['a', '', 'b', 'a'].map(async (tenant) => {
            if (tenant) expectStream(await ask(tenant, '/stream'), tenant)
            else expect(JSON.parse(await ask('', '/health'))).to.include({ inScope: null })
            await ask(tenant || 'b', '/after')
          })
          await Promise.all(answers)
          session.close()
          await until('all is noted', () =>
            ['1:a', '1:b'].every((name) => app.placesOf(name).includes('later-timer')),
          )
        },
      ))
  })
})

function pipeOn(stream: ReadableStream): ReadableStream {
  return stream.pipeThrough(new TransformStream())
}

function teeOf(stream: ReadableStream): ReadableStream {
  return stream.tee()[0]
}

async function readByHand(stream: ReadableStream): Promise<Buffer> {
  const reader = stream.getReader()
  const chunks: Uint8Array[] = []
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
    chunks.push(value)
  }
  return Buffer.concat(chunks)
}

function framework(name: string, create: typeof Koa): Framework {
  return {
    name,
    hasAfterHook: false,
    async start(app, options) {
      const koa = new create()
      koa.on('error', (_error: unknown, ctx: Context) => {
        app.note('error', ctx.req)
        // If the body fails, Koa 2 leaves the response open.
        if (ctx.headerSent) ctx.res.destroy()
      })
      koa.use(async (ctx, next) => {
        app.note('earlier', ctx.req)
        if (ctx.path !== '/plain') return next()
        ctx.body = 'plain'
      })
      if (app.other) {
        const { tenantKnex, ...other } = app.other
        koa.use(tenantMiddleware(tenantKnex, other))
      }
      koa.use(tenantMiddleware(app.tenantKnex, adapterOptions(app, options)))
      koa.use(answerErrors(app))
      koa.use(routes(app))
      return serve(app, createServer(koa.callback()))
    },
  }
}

function adapterOptions(app: Application, options: ApplicationOptions): TenantMiddlewareOptions {
  if (!options?.notFound) return options
  const { notFound, ...rest } = options
  const answers: Record<typeof notFound, NonNullable<TenantMiddlewareOptions['onNotFound']>> = {
    replaced(ctx, _next, error) {
      ctx.status = 410
      ctx.body = app.gone(error, ctx.req)
    },
    async broken() {
      throw new Error('The answer is broken.')
    },
    continued: (_ctx, next) => next(),
  }
  return { ...rest, onNotFound: answers[notFound] }
}

function answerErrors(app: Application): Middleware {
  return async (ctx, next) => {
    try {
      await next()
    } catch (error) {
      app.note('error', ctx.req)
      ctx.status = (error as { status?: number }).status ?? 500
      ctx.body = app.failure(error, ctx.req)
    }
  }
}

function routes(app: Application): Middleware {
  const router = new Router()
  const seen = ({ state: { tenant, knex }, url }: Context): Seen => ({ tenant, knex, url })
  const get = (path: string, body: (ctx: Context) => unknown): void => {
    router.get(path, async (ctx) => {
      ctx.body = await body(ctx)
    })
  }
  get('/rows', (ctx) => app.rows(ctx.req, seen(ctx)))
  get('/ambient', ({ req }) => app.ambient(req))
  get('/elsewhere', () => app.elsewhere())
  get('/transaction', (ctx) => app.transaction(ctx.req, seen(ctx)))
  get('/health', (ctx) => app.health(ctx.req, seen(ctx)))
  get('/stream', ({ req }) => app.stream(req))
  get('/endless', ({ req }) => app.endless(req))
  get('/broken-stream', ({ req }) => app.brokenStream(req))
  get('/cursor', ({ req, state }) => app.cursor(req, state.knex))
  get('/throw', () => app.throw())
  get('/slow', ({ req }) => app.slow(req))
  get('/after', ({ req, res }) => app.after(req, res))
  router.post('/upload', async (ctx) => {
    ctx.body = await app.upload(ctx.req, ctx.req)
  })
  return router.routes() as Middleware
}
