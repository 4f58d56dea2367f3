import { createServer } from 'node:http'
import { pipeline, type Readable } from 'node:stream'
import { expect } from 'chai'
import express, { type ErrorRequestHandler, type Request, type Response } from 'express'
import express4 from 'express4'
import { type TenantMiddlewareOptions, tenantMiddleware } from '../../../../src/adapters/express.ts'
import { fixed } from '../../../../src/resolve/index.ts'
import { onEachServer, until } from '../../../support/tenants.ts'
import type { Application, ApplicationOptions, Framework, Seen } from './application.ts'
import { pipelined } from './client.ts'
import { httpContract } from './contract.ts'
import { serve } from './serve.ts'
import { sharedTenants } from './shared-tenants.ts'
import { own, resolve, type World, withSoundApplication } from './world.ts'

httpContract(framework('Express 5', express))
httpContract(framework('Express 4', express4))

for (const [name, create, another] of [
  ['Express 5', express, express4],
  ['Express 4', express4, express],
] as const) {
  onEachServer(`given an application of ${name}`, (server) => {
    const { databaseOf } = sharedTenants(server, ['a', 'b'])

    const withExpress = (
      build: (app: Application, server: express.Express) => void,
      test: (world: World) => Promise<void>,
    ): Promise<void> =>
      withSoundApplication(
        server,
        databaseOf,
        (app) => {
          const server = create()
          // So that Express logs no errors.
          server.set('env', 'test')
          build(app, server)
          return serve(app, createServer(server))
        },
        test,
      )

    describe('when the resolver strips the tenant from the path', () => {
      it('then the router has the rest, and `originalUrl` is what was sent', () =>
        withExpress(
          (app, server) => {
            server.use(tenantMiddleware(app.tenantKnex, { resolve }))
            server.get('/orders', ({ url, path, originalUrl, query, tenant }, res) => {
              res.json({ url, path, originalUrl, query, tenant: tenant?.id })
            })
          },
          async ({ client }) => {
            const { body } = await client.ask({ path: '/a/orders?page=2', name: '1:a' })
            expect(JSON.parse(body)).to.deep.equal({
              url: '/orders?page=2',
              path: '/orders',
              originalUrl: '/a/orders?page=2',
              query: { page: '2' },
              tenant: 'a',
            })
          },
        ))

      it('behind the path that the adapter is mounted at, then that stays', () =>
        withExpress(
          (app, server) => {
            server.use('/api', tenantMiddleware(app.tenantKnex, { resolve }))
            server.get('/api/orders', ({ url, originalUrl, tenant }, res) => {
              res.json({ url, originalUrl, tenant: tenant?.id })
            })
            server.get('/a', (req, res) => res.json(app.health(req, {} as Seen)))
          },
          async ({ client }) => {
            const { body } = await client.ask({ path: '/api/a/orders', name: '1:a' })
            expect(JSON.parse(body)).to.deep.equal({
              url: '/api/orders',
              originalUrl: '/api/a/orders',
              tenant: 'a',
            })
            const other = await client.ask({ path: '/a' })
            expect(JSON.parse(other.body)).to.include({ inScope: null })
          },
        ))
    })

    describe('when there is another adapter behind the first', () => {
      it('then what follows is in the scope of the last one', () =>
        withExpress(
          (app, server) => {
            server.use(tenantMiddleware(app.tenantKnex, { resolve: fixed('a') }))
            server.use(tenantMiddleware(app.tenantKnex, { resolve: fixed('b') }))
            addRoutes(app, server)
          },
          async ({ app, client }) => {
            const { body } = await client.ask({ path: '/after', name: '1:b' })
            expect(JSON.parse(body)).to.include({ inScope: 'b' })
            await until('all is noted', () => app.placesOf('1:b').includes('later-timer'))
          },
        ))
    })

    describe('when the adapter is in an application that is mounted in another one', () => {
      it('then handlers of the outer one, and their listeners, are in scope too', () =>
        withExpress(
          (app, server) => {
            const inner = create()
            inner.use(tenantMiddleware(app.tenantKnex, { resolve }))
            server.use('/inner', inner)
            server.post('/inner/upload', (req, res, next) => {
              app.upload(req, req).then((it) => res.json(it), next)
            })
          },
          async ({ app, client }) => {
            const ask = { method: 'POST', path: '/inner/a/upload', name: '1:a' }
            const answer = await client.ask({ ...ask, body: halves(app) })
            expect(JSON.parse(answer.body)).to.include({ inScope: 'a' })
            expect(app.placesOf('1:a')).to.include.members(['data', 'body-end'])
          },
        ))
    })

    describe('when an application calls another one', () => {
      const ways: [string, (outer: express.Express, inner: express.Express) => void][] = [
        [
          'by itself, as `vhost` does',
          (outer, inner) => outer.use((req, res, next) => inner(req, res, next)),
        ],
        [
          'that is mounted in two',
          (outer, inner) => {
            outer.use(inner)
            create().use(inner)
          },
        ],
        [
          'by way of one of the other version',
          (outer, inner) => {
            const between = another()
            between.use((req, res, next) => inner(req, res, next))
            outer.use((req, res, next) => between(req, res, next))
          },
        ],
      ]
      for (const [way, nest] of ways) {
        it(`${way}, then that has the tenant, and its listeners are in scope`, () =>
          withExpress(
            (app, server) => {
              const inner = create()
              addRoutes(app, inner)
              server.use(tenantMiddleware(app.tenantKnex, { resolve }))
              nest(server, inner)
            },
            async ({ app, client, port }) => {
              const answer = await client.ask({ ...own('/rows', 'a'), name: '0:a' })
              expect(JSON.parse(answer.body)).to.deep.include({
                tenant: { id: 'a', database: databaseOf('a') },
                rows: ['a', 'a'],
              })
              await pipelined(port, [
                { ...own('/slow', 'a'), name: '1:a' },
                { ...own('/after', 'b'), name: '2:b' },
                { ...own('/after', 'a'), name: '3:a' },
              ])
              await until('all is noted', () =>
                ['2:b', '3:a'].every((name) => app.placesOf(name).includes('later-timer')),
              )
            },
          ))
      }
    })

    describe('when middleware sets `req.tenant` itself', () => {
      it('then that is what it is for this request', () =>
        withExpress(
          (app, server) => {
            server.use(tenantMiddleware(app.tenantKnex, { resolve }))
            server.use((req, _res, next) => {
              if (req.query.own) req.tenant = { id: 'own', database: null }
              next()
            })
            server.get('/', (req, res) => res.json(req.tenant))
          },
          async ({ client }) => {
            const own = await client.ask({ path: '/?own=1', host: 'a.example.test', name: '1:a' })
            expect(JSON.parse(own.body)).to.include({ id: 'own' })
            const other = await client.ask({ path: '/', host: 'a.example.test', name: '2:a' })
            expect(JSON.parse(other.body)).to.include({ id: 'a' })
          },
        ))
    })

    describe('when a parser of bodies comes before the handler', () => {
      it('then the handler has its tenant in scope', () =>
        withExpress(
          (app, server) => {
            server.use(tenantMiddleware(app.tenantKnex, { resolve }))
            server.use(express.json())
            server.post('/', (req, res, next) => {
              app.ambient(req).then((it) => res.json({ ...it, parsed: req.body }), next)
            })
          },
          async ({ app, client }) => {
            const headers = { 'content-type': 'application/json' }
            const ask = { ...own('/', 'a'), method: 'POST', headers, body: halves(app) }
            expect(JSON.parse((await client.ask(ask)).body)).to.deep.equal({
              request: '1:a',
              inScope: 'a',
              rows: ['a', 'a'],
              parsed: { all: true },
            })
          },
        ))
    })

    describe('when it has no error handlers', () => {
      it('then Express answers with the status', () =>
        withExpress(
          (app, server) => {
            server.use(tenantMiddleware(app.tenantKnex, { resolve }))
          },
          async ({ client }) => {
            const none = await client.ask({ path: '/' })
            expect(none).to.include({ status: 404 })
            expect(none.body).to.include('There is no such tenant.')
            const unclear = await client.ask({ path: '/', host: 'a..example.test' })
            expect(unclear).to.include({ status: 400 })
          },
        ))
    })
  })
}

onEachServer('given a server without Express', (server) => {
  const { databaseOf } = sharedTenants(server, ['a', 'b'])

  it('when it calls the middleware itself, then that does all the same', () =>
    withSoundApplication(
      server,
      databaseOf,
      (app) => {
        const tenant = tenantMiddleware(app.tenantKnex, { resolve: fixed('a') })
        const plain = createServer((req, res) => {
          // As in other routers with the interface of Express.
          const request = Object.assign(req, { app: {} }) as unknown as Request
          tenant(request, res as Response, async () => {
            const uploaded = await app.upload(req, req)
            res.end(JSON.stringify({ ...uploaded, ...(await app.rows(req, seen(request))) }))
          })
        })
        return serve(app, plain)
      },
      async ({ app, client }) => {
        const ask = { method: 'POST', path: '/', name: '1:a' }
        const { body } = await client.ask({ ...ask, body: halves(app) })
        expect(JSON.parse(body)).to.deep.include({
          inScope: 'a',
          tenant: { id: 'a', database: databaseOf('a') },
          rows: ['a', 'a'],
        })
        expect(app.placesOf('1:a')).to.include.members(['data', 'body-end'])
      },
    ))
})

/** A body in two parts. The second is sent when the server has got the request. */
async function* halves(app: Application): AsyncGenerator<string> {
  yield '{"all":'
  await until('it is there', () => app.placesOf('1:a').includes('listener'))
  yield 'true}'
}

function framework(name: string, create: typeof express): Framework {
  return {
    name,
    hasAfterHook: false,
    async start(app, options) {
      const server = create()
      server.use((req, res, next) => {
        app.note('earlier', req)
        if (req.path === '/plain') res.send('plain')
        else next()
      })
      if (app.other) {
        const { tenantKnex, ...other } = app.other
        server.use(tenantMiddleware(tenantKnex, other))
      }
      server.use(tenantMiddleware(app.tenantKnex, adapterOptions(app, options)))
      addRoutes(app, server)
      server.use(answerErrors(app))
      return serve(app, createServer(server))
    },
  }
}

function adapterOptions(app: Application, options: ApplicationOptions): TenantMiddlewareOptions {
  if (!options?.notFound) return options
  const { notFound, ...rest } = options
  const answers: Record<typeof notFound, NonNullable<TenantMiddlewareOptions['onNotFound']>> = {
    replaced: (req, res, _next, error) => res.status(410).json(app.gone(error, req)),
    async broken() {
      throw new Error('The answer is broken.')
    },
    continued: (_req, _res, next) => next(),
  }
  return { ...rest, onNotFound: answers[notFound] }
}

function answerErrors(app: Application): ErrorRequestHandler {
  return (error, req, res, _next) => {
    app.note('error', req)
    res.status(error.status ?? 500).json(app.failure(error, req))
  }
}

function addRoutes(app: Application, server: express.Express): void {
  const get = (path: string, body: (req: Request, res: Response) => unknown): void => {
    // Express 4 does not await promises.
    server.get(path, (req, res, next) => {
      Promise.resolve(body(req, res)).then((it) => res.json(it), next)
    })
  }
  const stream = (path: string, body: (req: Request) => Readable): void => {
    server.get(path, (req, res) => {
      pipeline(body(req), res, () => undefined)
    })
  }
  get('/rows', (req) => app.rows(req, seen(req)))
  get('/ambient', (req) => app.ambient(req))
  get('/elsewhere', () => app.elsewhere())
  get('/transaction', (req) => app.transaction(req, seen(req)))
  get('/health', (req) => app.health(req, seen(req)))
  get('/throw', () => app.throw())
  get('/slow', (req) => app.slow(req))
  get('/after', (req, res) => app.after(req, res))
  stream('/stream', (req) => app.stream(req))
  stream('/endless', (req) => app.endless(req))
  stream('/broken-stream', (req) => app.brokenStream(req))
  stream('/cursor', (req) => app.cursor(req, req.knex))
  server.post('/upload', (req, res, next) => {
    app.upload(req, req).then((it) => res.json(it), next)
  })
}

function seen({ tenant, knex, url }: Request): Seen {
  return { tenant, knex, url }
}
