import { once } from 'node:events'
import { createRequire } from 'node:module'
import { connect, type Socket } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import Hapi, { type Request, type Server } from '@hapi/hapi'
import { expect } from 'chai'
import { type TenantPluginOptions, tenantPlugin } from '../../../../src/adapters/hapi.ts'
import { createTenantKnex } from '../../../../src/index.ts'
import { firstOf, header, pathSegment } from '../../../../src/resolve/index.ts'
import { Application } from '../../../server/adapters/http/application.ts'
import { Client } from '../../../server/adapters/http/client.ts'
import { Places } from '../../../server/adapters/http/places.ts'
import { rejection, until } from '../../../support/tenants.ts'

const ACME = { 'x-tenant': 'acme' }

const app = new Application(createTenantKnex({ connection: {} }))
const { tenantKnex } = app
const OPTIONS: TenantPluginOptions = {
  tenantKnex,
  resolve: firstOf(header('x-tenant'), pathSegment({ strip: true })),
  skip: ({ url }) => url === '/skipped',
}

/** The parts of a server of these tests. */
interface Setting {
  readonly options?: Partial<TenantPluginOptions>
  readonly router?: Hapi.ServerOptions['router']
  /** Code that runs before the plugin. */
  readonly before?: (server: Server) => void
  readonly after?: (server: Server) => void
}

async function makeServer({ options, router, before, after }: Setting): Promise<Server> {
  const server = Hapi.server({
    host: '127.0.0.1',
    port: 0,
    debug: false,
    ...(router && { router }),
  })
  before?.(server)
  await server.register({ plugin: tenantPlugin, options: { ...OPTIONS, ...options } })
  server.route({ method: '*', path: '/', handler: () => app.inScope() ?? null })
  server.route({ method: 'GET', path: '/skipped', handler: () => app.inScope() ?? 'nobody' })
  after?.(server)
  return server
}

async function withServer(setting: Setting, test: (port: number) => Promise<void>): Promise<void> {
  const server = await makeServer(setting)
  await server.start()
  try {
    await test(server.info.port as number)
  } finally {
    await server.stop({ timeout: 0 })
  }
}

/** Runs a test with a socket to a server. */
async function withSocket(
  setting: Setting,
  test: (socket: Socket, received: () => string) => Promise<void>,
): Promise<void> {
  await withServer(setting, async (port) => {
    const socket = connect(port, '127.0.0.1')
    let received = ''
    socket.on('data', (chunk) => {
      received += chunk
    })
    await once(socket, 'connect')
    await test(socket, () => received)
    socket.destroy()
  })
}

describe('given a Hapi server with the plugin', () => {
  describe('when a request goes its way', () => {
    const EXTENSIONS = [
      ...(['onPreAuth', 'onCredentials', 'onPostAuth', 'onPreHandler'] as const),
      ...(['onPostHandler', 'onPreResponse', 'onPostResponse'] as const),
    ]

    /** Notes all places where Hapi calls code of the application. */
    const noteAll = (places: Places) => (server: Server) => {
      const noting = (place: string) => (_request: unknown, h: { continue: symbol }) => {
        places.note(place)
        return h.continue
      }
      for (const type of EXTENSIONS) server.ext(type, noting(type) as never)
      server.ext('onRequest', noting('onRequest') as never)
      server.auth.scheme('any', () => ({
        async authenticate(_request, h) {
          await nextTurn()
          places.note('authenticate')
          return h.authenticated({ credentials: {} })
        },
        payload: noting('payload authentication') as never,
        response: noting('response authentication') as never,
        options: { payload: true },
      }))
      server.auth.strategy('any', 'any')
      server.events.on('response', () => places.note('response event'))
      server.events.on('request', () => places.note('request event'))
      const validate = async (value: unknown): Promise<void> => {
        await nextTurn()
        places.note('validation')
        return value as never
      }
      server.route({
        method: 'POST',
        path: '/all',
        options: {
          auth: 'any',
          validate: { query: validate, payload: validate },
          response: { schema: validate },
          pre: [() => places.note('pre') ?? null],
        },
        handler(request) {
          places.note('handler')
          request.log('note')
          setTimeout(() => places.note('timer'), 1)
          return app.inScope() ?? null
        },
      })
      server.ext('onPreAuth', (request, h) => {
        request.events.on('peek', () => places.note('payload chunk'))
        request.raw.req.on('close', () => places.note('request close'))
        request.raw.res.on('finish', () => places.note('response finish'))
        request.raw.res.on('close', () => places.note('response close'))
        return h.continue
      })
    }
    const PLACES = [
      ...EXTENSIONS,
      ...['onRequest', 'authenticate', 'payload authentication', 'response authentication'],
      ...['validation', 'pre', 'handler', 'timer', 'payload chunk', 'response event'],
      ...['request event', 'request close', 'response finish', 'response close'],
    ]
    const waits = (server: Server): void => {
      server.ext('onRequest', async (_request, h) => {
        await nextTurn()
        return h.continue
      })
    }
    const ways: [string, Setting][] = [
      ['at once', {}],
      ['after a wait', { options: { resolve: async () => (await nextTurn()) ?? 'acme' } }],
      ['after another extension that waits', { before: waits }],
    ]
    for (const [way, setting] of ways) {
      it(`and its tenant is found ${way}, then all parts of it have that in scope`, async () => {
        const places = new Places(app)
        await withServer({ ...setting, after: noteAll(places) }, async (port) => {
          const client = new Client(port, 1)
          const ask = { path: '/all', method: 'POST', body: ['{"an":', '"object"}'] }
          const headers = { ...ACME, 'content-type': 'application/json' }
          expect(await client.ask({ ...ask, headers })).to.include({ status: 200, body: 'acme' })
          await until('all is over', () => PLACES.every((place) => places.has(place)))
          client.close()
        })
        expect(places.of('acme')).to.have.members(PLACES)
      })
    }

    it('and takes too long, then what answers it has its tenant in scope', async () => {
      const places = new Places(app)
      const after = (server: Server): void => {
        server.route({
          method: 'GET',
          path: '/slow',
          options: { timeout: { server: 20 } },
          handler: () => new Promise(() => undefined),
        })
        server.ext('onPreResponse', (_request, h) => {
          places.note('onPreResponse')
          return h.continue
        })
      }
      const server = await makeServer({ after })
      expect(await server.inject({ url: '/slow', headers: ACME })).to.include({ statusCode: 503 })
      expect(places.of('acme')).to.deep.equal(['onPreResponse'])
    })

    it('and its client hangs up, then what hears of it has its tenant in scope', async () => {
      const places = new Places(app)
      const after = (server: Server): void => {
        server.route({
          method: 'GET',
          path: '/slow',
          handler(request) {
            places.note('handler')
            request.events.on('disconnect', () => places.note('disconnect'))
            request.raw.res.on('close', () => places.note('response close'))
            return new Promise(() => undefined)
          },
        })
        server.ext('onPostResponse', (_request, h) => {
          places.note('onPostResponse')
          return h.continue
        })
        server.events.on('response', () => places.note('response event'))
      }
      await withSocket({ after }, async (socket) => {
        socket.write('GET /slow HTTP/1.1\r\nHost: x\r\nX-Tenant: acme\r\n\r\n')
        await until('it runs', () => places.has('handler'))
        socket.destroy()
        await until('it is over', () => places.has('response event'))
      })
      expect(places.of('acme')).to.have.members([
        ...['handler', 'disconnect', 'response close', 'onPostResponse', 'response event'],
      ])
    })

    it('and its body is none that HTTP knows, then what answers it has its tenant in scope', async () => {
      const places = new Places(app)
      const after = (server: Server): void => {
        server.ext('onPreResponse', (_request, h) => {
          places.note('onPreResponse')
          return h.continue
        })
        server.ext('onPreAuth', (_request, h) => {
          places.note('onPreAuth')
          return h.continue
        })
      }
      await withSocket({ after }, async (socket, received) => {
        const head =
          'POST / HTTP/1.1\r\nHost: x\r\nX-Tenant: acme\r\nTransfer-Encoding: chunked\r\n\r\n'
        socket.write(`${head}3\r\nabc\r\n`)
        await until('it runs', () => places.seen.length > 0)
        socket.write('no chunk\r\n')
        await until('it is answered', () => received().includes('400 Bad Request'))
      })
      expect(places.of('acme')).to.deep.equal(['onPreAuth', 'onPreResponse'])
    })
  })

  describe('when one connection has several requests', () => {
    it('then nobody is in scope where something comes before the plugin', async () => {
      const places = new Places(app)
      const before = (server: Server): void => {
        server.ext('onRequest', (_request, h) => {
          places.note('onRequest')
          return h.continue
        })
        const decoration = () => places.note('decoration')
        server.decorate('request', 'first' as string, decoration, { apply: true })
      }
      const after = ({ listener }: Server): void => {
        for (const event of ['request', 'checkContinue']) {
          listener.prependListener(event, () => places.note(event))
        }
      }
      const asks = [
        { method: 'POST', headers: { ...ACME, expect: '100-continue' } },
        { headers: ACME },
      ]
      await withServer({ before, after }, async (port) => {
        const client = new Client(port, 1)
        for (const [index, ask] of [...asks, ...asks].entries()) {
          const { body, isReused } = await client.ask({ path: '/', ...ask })
          expect([body, isReused]).to.deep.equal(['acme', index > 0])
        }
        client.close()
      })
      expect(places.of(undefined)).to.have.members([
        ...['onRequest', 'decoration', 'request', 'checkContinue'],
      ])
    })

    it('then what is no request any more belongs to none', async () => {
      const places = new Places(app)
      const after = ({ listener }: Server): void => {
        listener.on('clientError', () => places.note('clientError'))
      }
      await withSocket({ after }, async (socket, received) => {
        socket.write('GET / HTTP/1.1\r\nHost: x\r\nX-Tenant: acme\r\n\r\n')
        await until('it is answered', () => received().endsWith('acme'))
        await nextTurn()
        socket.write('this is not HTTP\r\n\r\n')
        await once(socket, 'close')
      })
      expect(places.seen).to.deep.equal([['clientError', undefined]])
    })

    it('then the connection’s own events do not begin in the scope of the server’s start', async () => {
      const places = new Places(app)
      const after = ({ listener }: Server): void => {
        listener.on('connection', () => places.note('connection'))
      }
      const server = await makeServer({ after })
      await tenantKnex.run('globex', () => server.start())
      const client = new Client(server.info.port as number, 1)
      expect(await client.ask({ path: '/skipped' })).to.include({ body: 'nobody' })
      client.close()
      await server.stop({ timeout: 0 })
      expect(places.seen).to.deep.equal([['connection', undefined]])
    })
  })

  describe('when a test calls `inject`', () => {
    it('then each answer is its own tenant’s, and nobody is in scope afterwards', async () => {
      const server = await makeServer({})
      for (const tenant of ['acme', 'globex', 'acme']) {
        const { result, request } = await server.inject({
          url: '/',
          headers: { 'x-tenant': tenant },
        })
        expect(app.inScope()).to.equal(undefined)
        expect([result, request.tenant?.id]).to.deep.equal([tenant, tenant])
      }
      const tenants = Array.from({ length: 20 }, (_, index) => `t${index}`)
      const answers = await Promise.all(
        tenants.map((tenant) => server.inject({ url: '/', headers: { 'x-tenant': tenant } })),
      )
      expect(answers.map(({ payload }) => payload)).to.deep.equal(tenants)
      expect(app.inScope()).to.equal(undefined)
    })

    it('in a tenant’s scope, then the request is in its own, and the test stays in that', async () => {
      const server = await makeServer({})
      await tenantKnex.run('globex', async () => {
        expect((await server.inject({ url: '/', headers: ACME })).payload).to.equal('acme')
        expect(app.inScope()).to.equal('globex')
        expect((await server.inject('/skipped')).payload).to.equal('nobody')
        expect(app.inScope()).to.equal('globex')
      })
    })

    it('and emits a request by itself, then it stays where it is', async () => {
      const server = await makeServer({})
      const ended = new Promise<void>((done) => server.events.on('response', () => done()))
      const { raw } = (await server.inject({ url: '/', headers: ACME })).request
      server.listener.emit('request', raw.req, raw.res)
      expect(app.inScope()).to.equal(undefined)
      await ended
    })
  })

  describe('when a request has no tenant', () => {
    const require = createRequire(import.meta.url)
    const Boom = createRequire(require.resolve('@hapi/hapi'))('@hapi/boom')
    const refusals: [number, object][] = [
      [404, { url: '/' }],
      [400, { url: '/', headers: { 'x-tenant': ['acme', 'globex'] } }],
      [400, { url: '/acme', headers: { host: 'acme:99999' } }],
    ]
    for (const [status, ask] of refusals) {
      it(`then Hapi has an error with the status ${status}, as Boom makes them`, async () => {
        let seen: Request['response'] | undefined
        const after = (server: Server): void => {
          server.ext('onPreResponse', ({ response }, h) => {
            seen = response
            return h.continue
          })
        }
        const server = await makeServer({ after })
        const answer = await server.inject(ask as { url: string })
        const error = seen as InstanceType<typeof Boom.Boom>
        const own = new Boom.Boom(error.message, { statusCode: status })
        expect(error).to.be.instanceOf(Boom.Boom).and.instanceOf(Error)
        expect(Boom.isBoom(error, status)).to.equal(true)
        expect({ ...error }).to.deep.include({ ...own })
        expect(JSON.parse(answer.payload)).to.deep.equal(own.output.payload)
        expect(answer.statusCode).to.equal(status)
      })
    }

    it('and the application changes the error, then that is the answer', async () => {
      const after = (server: Server): void => {
        server.ext('onPreResponse', ({ response }, h) => {
          if (!('isBoom' in response)) return h.continue
          response.output.statusCode = 403
          response.message = 'Nobody lives here.'
          response.reformat()
          response.output.headers['x-more'] = 'yes'
          return h.continue
        })
      }
      const server = await makeServer({ after })
      const { headers, payload, statusCode } = await server.inject('/')
      expect(JSON.parse(payload)).to.deep.equal({
        ...new Boom.Boom('Nobody lives here.', { statusCode: 403 }).output.payload,
      })
      expect([statusCode, headers['x-more']]).to.deep.equal([403, 'yes'])
    })

    const answers: [string, number, string, NonNullable<TenantPluginOptions['onNotFound']>][] = [
      ['a value', 404, 'nobody', () => 'nobody'],
      ['a response', 404, 'nobody', (_request, h) => h.response('nobody')],
      ['one with a status', 410, 'nobody', async (_request, h) => h.response('nobody').code(410)],
      ['a redirection', 302, '', (_request, h) => h.redirect('https://example.com')],
      ['an error', 451, 'No.', () => new Boom.Boom('No.', { statusCode: 451 })],
      ['nothing', 500, 'server error', () => undefined as never],
    ]
    for (const [what, status, payload, onNotFound] of answers) {
      it(`and \`onNotFound\` gives ${what}, then that is the answer`, async () => {
        const server = await makeServer({ options: { onNotFound } })
        const answer = await server.inject('/')
        expect(answer.statusCode).to.equal(status)
        expect(answer.payload).to.include(payload)
      })
    }
  })

  describe('when the resolver takes the tenant off the path', () => {
    const routed = (server: Server): void => {
      server.route({
        method: 'GET',
        path: '/orders/{id}',
        handler: ({ params, query, path, tenant }) => ({ ...params, ...query, path, ...tenant }),
      })
    }

    it('then Hapi routes the rest', async () => {
      const server = await makeServer({ after: routed })
      const { result } = await server.inject('/acme/orders/7?page=2')
      expect(result).to.deep.equal({
        ...{ id: 'acme', database: 'tenant_acme' },
        ...{ page: '2', path: '/orders/7' },
      })
    })

    it('then it does with a slash at the end what it does else', async () => {
      const router = { stripTrailingSlash: true }
      const server = await makeServer({ router, after: routed })
      expect(await server.inject('/acme/orders/7/')).to.deep.include({ statusCode: 200 })
    })
  })

  describe('when it is registered', () => {
    it('a second time, then Hapi refuses that', async () => {
      const server = await makeServer({})
      const plugin = { plugin: tenantPlugin, options: OPTIONS }
      const error = await rejection(server.register(plugin))
      expect(error.message).to.match(/^Request decoration already defined: Symbol\(tenant-knex/)
    })

    it('with another tenantKnex, then each has its own, and the request that of the last', async () => {
      const other = createTenantKnex({ connection: {} })
      const server = await makeServer({})
      const options = { tenantKnex: other, resolve: header('x-other') }
      await server.register({ plugin: tenantPlugin, options })
      server.route({
        method: 'GET',
        path: '/both',
        handler: ({ tenant }) => [app.inScope(), other.current().tenant.id, tenant?.id],
      })
      const answer = await server.inject({
        url: '/both',
        headers: { ...ACME, 'x-other': 'globex' },
      })
      expect(answer.result).to.deep.equal(['acme', 'globex', 'globex'])
    })

    it('by another plugin, then it serves the whole server', async () => {
      const server = Hapi.server()
      const register = (inner: Server) => inner.register({ plugin: tenantPlugin, options: OPTIONS })
      await server.register({ name: 'inner', register }, { routes: { prefix: '/inner' } })
      server.route({ method: 'GET', path: '/', handler: () => app.inScope() ?? null })
      expect((await server.inject({ url: '/', headers: ACME })).payload).to.equal('acme')
    })
  })
})
