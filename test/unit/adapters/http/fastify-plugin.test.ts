import type { AddressInfo } from 'node:net'
import { connect, type Socket } from 'node:net'
import { ReadableStream } from 'node:stream/web'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect } from 'chai'
import fastify, {
  type FastifyInstance,
  type FastifyServerOptions,
  type InjectOptions,
} from 'fastify'
import {
  rewriteTenantUrl,
  type TenantPluginOptions,
  tenantPlugin,
} from '../../../../src/adapters/fastify.ts'
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
  resolve: header('x-tenant'),
  skip: ({ url }) => url === '/skipped',
}

/** The parts of a server of these tests. */
interface Setting {
  readonly options?: Partial<TenantPluginOptions>
  readonly server?: FastifyServerOptions
  /** Code that runs before the plugin. */
  readonly before?: (server: FastifyInstance) => void
  readonly after?: (server: FastifyInstance) => void
}

async function makeServer({ options, server, before, after }: Setting): Promise<FastifyInstance> {
  const instance = fastify(server)
  before?.(instance)
  await instance.register(tenantPlugin, { ...OPTIONS, ...options })
  instance.get('/', async () => app.inScope() ?? null)
  instance.get('/skipped', async () => app.inScope() ?? 'nobody')
  after?.(instance)
  return instance
}

async function withServer(setting: Setting, test: (port: number) => Promise<void>): Promise<void> {
  const server = await makeServer(setting)
  await server.listen({ host: '127.0.0.1', port: 0 })
  try {
    await test((server.server.address() as AddressInfo).port)
  } finally {
    server.server.closeAllConnections()
    await server.close()
  }
}

/** Runs a test with a socket to a server that has got a request. */
async function withSocket(
  setting: Setting,
  path: string,
  test: (socket: Socket) => Promise<void>,
): Promise<void> {
  await withServer(setting, async (port) => {
    const socket = connect(port, '127.0.0.1')
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nX-Tenant: acme\r\n\r\n`)
    socket.resume()
    await test(socket)
  })
}

describe('given a Fastify server with the plugin', () => {
  describe('when a request goes its way', () => {
    const HOOKS = [
      ...(['onRequest', 'preParsing', 'preValidation', 'preHandler'] as const),
      ...(['preSerialization', 'onSend', 'onResponse', 'onError'] as const),
    ]

    /** Notes all places where Fastify calls code of the application. */
    const noteAll = (places: Places) => (server: FastifyInstance) => {
      for (const hook of HOOKS) server.addHook(hook as 'onResponse', async () => places.note(hook))
      server.addHook('onRequest', async (request, reply) => {
        request.raw.on('close', () => places.note('request close'))
        reply.raw.on('finish', () => places.note('response finish'))
        reply.raw.on('close', () => places.note('response close'))
      })
      server.addContentTypeParser('text/any', { parseAs: 'string' }, async () => {
        await nextTurn()
        places.note('parser')
      })
      server.setValidatorCompiler(() => () => {
        places.note('validator')
        return true
      })
      server.setSerializerCompiler(() => (value) => {
        places.note('serializer')
        return JSON.stringify(value)
      })
      server.setErrorHandler((_error, _request, reply) => {
        places.note('error handler')
        return reply.code(500).send({})
      })
      server.post('/all', {
        schema: { body: {}, response: { '2xx': {} } },
        async handler() {
          places.note('handler')
          setTimeout(() => places.note('timer'), 1)
          await nextTurn()
          return { tenant: app.inScope() }
        },
      })
      server.get('/web', async () => {
        const pull = (stream: ReadableStreamDefaultController<Uint8Array>): void => {
          places.note('pull')
          stream.enqueue(Buffer.from('chunk'.repeat(20_000)))
          if (places.seen.filter(([place]) => place === 'pull').length === 5) stream.close()
        }
        return new Response(new ReadableStream({ pull }) as never)
      })
      server.get('/throw', async () => {
        throw new Error('The handler threw.')
      })
    }
    const PLACES = [
      ...[...HOOKS, 'parser', 'validator', 'serializer', 'error handler', 'handler', 'timer'],
      ...['request close', 'response finish', 'response close', 'pull'],
    ]
    const waits = (server: FastifyInstance): void => {
      server.addHook('onRequest', async () => {
        await nextTurn()
      })
    }
    const ways: [string, Setting][] = [
      ['at once', {}],
      ['after a wait', { options: { resolve: async () => (await nextTurn()) ?? 'acme' } }],
      ['after another hook that waits', { before: waits }],
    ]
    for (const [way, setting] of ways) {
      it(`and its tenant is found ${way}, then all parts of it have that in scope`, async () => {
        const places = new Places(app)
        await withServer({ ...setting, after: noteAll(places) }, async (port) => {
          const client = new Client(port, 1)
          const headers = { ...ACME, 'content-type': 'text/any' }
          const ask = { path: '/all', method: 'POST', headers, body: ['one', 'two'] }
          expect(await client.ask(ask)).to.include({ status: 200, body: '{"tenant":"acme"}' })
          expect(await client.ask({ path: '/web', headers: ACME })).to.include({ status: 200 })
          expect(await client.ask({ path: '/throw', headers: ACME })).to.include({ status: 500 })
          await until('all is over', () => PLACES.every((place) => places.has(place)))
          client.close()
        })
        expect(places.of('acme')).to.have.members(PLACES)
      })
    }

    it('and there is no such route, then what answers it has its tenant in scope', async () => {
      const after = (server: FastifyInstance): void => {
        server.setNotFoundHandler(async () => app.inScope())
      }
      const server = await makeServer({ after })
      expect(await server.inject({ url: '/missing', headers: ACME })).to.include({ body: 'acme' })
    })

    /** Notes what happens to a request that is never answered. */
    const noteSlow = (places: Places) => (server: FastifyInstance) => {
      const note = (place: string) => async () => places.note(place)
      server.addHook('onError', note('onError'))
      server.addHook('onTimeout', note('onTimeout'))
      server.addHook('onRequestAbort', async (_request) => places.note('onRequestAbort'))
      server.setErrorHandler(async () => {
        places.note('error handler')
        return 'sorry'
      })
      server.get('/slow', () => {
        places.note('handler')
        return new Promise(() => undefined)
      })
    }

    it('and takes longer than its handler may, then what answers it has its tenant in scope', async () => {
      const places = new Places(app)
      const server = await makeServer({ server: { handlerTimeout: 20 }, after: noteSlow(places) })
      expect(await server.inject({ url: '/slow', headers: ACME })).to.include({ body: 'sorry' })
      expect(places.of('acme')).to.deep.equal(['handler', 'onError', 'error handler'])
    })

    it('and takes longer than its handler may, then its signal is aborted with its tenant in scope', async () => {
      const places = new Places(app)
      const reasons: unknown[] = []
      const after = (server: FastifyInstance): void => {
        server.get('/slow', { handlerTimeout: 20 }, async ({ signal }) => {
          signal.addEventListener('abort', () => {
            places.note('abort')
            reasons.push(signal.reason.code)
          })
          AbortSignal.any([signal]).addEventListener('abort', () => places.note('any'))
          await new Promise(() => undefined)
        })
      }
      const server = await makeServer({ after })
      expect((await server.inject({ url: '/slow', headers: ACME })).statusCode).to.equal(503)
      expect(reasons).to.deep.equal(['FST_ERR_HANDLER_TIMEOUT'])
      expect(places.of('acme')).to.deep.equal(['abort', 'any'])
    })

    it('and takes longer than its connection may, then the hook has its tenant in scope', async () => {
      const places = new Places(app)
      const setting = { server: { connectionTimeout: 50 }, after: noteSlow(places) }
      await withSocket(setting, '/slow', () => until('it is over', () => places.has('onTimeout')))
      expect(places.of('acme')).to.include.members(['handler', 'onTimeout'])
    })

    it('and its client hangs up, then what hears of it has its tenant in scope', async () => {
      const places = new Places(app)
      await withSocket({ after: noteSlow(places) }, '/slow', async (socket) => {
        await until('it runs', () => places.has('handler'))
        socket.destroy()
        await until('it is over', () => places.has('onRequestAbort'))
      })
      expect(places.of('acme')).to.deep.equal(['handler', 'onRequestAbort'])
    })

    it('and a hook before the plugin fails, then nobody is in scope', async () => {
      const places = new Places(app)
      const before = (server: FastifyInstance): void => {
        server.addHook('onRequest', async () => {
          throw new Error('The hook threw.')
        })
      }
      const server = await makeServer({ before, after: noteSlow(places) })
      expect(await server.inject({ url: '/', headers: ACME })).to.include({ body: 'sorry' })
      expect(places.of(undefined)).to.deep.equal(['onError', 'error handler'])
    })
  })

  describe('when a test calls `inject`', () => {
    it('then each answer is its own tenant’s, and nobody is in scope afterwards', async () => {
      const server = await makeServer({})
      for (const tenant of ['acme', 'globex', 'acme']) {
        const headers = { 'x-tenant': tenant }
        expect((await server.inject({ url: '/', headers, cookies: { a: 'b' } })).body).to.equal(
          tenant,
        )
        expect(app.inScope()).to.equal(undefined)
        expect((await server.inject().get('/').headers(headers)).body).to.equal(tenant)
        expect(app.inScope()).to.equal(undefined)
      }
      const tenants = Array.from({ length: 20 }, (_, index) => `t${index}`)
      const answers = await Promise.all(
        tenants.map((tenant) => server.inject({ url: '/', headers: { 'x-tenant': tenant } })),
      )
      expect(answers.map(({ body }) => body)).to.deep.equal(tenants)
    })

    it('in a tenant’s scope, then the request is in its own, and the test stays in that', async () => {
      const places = new Places(app)
      const before = (server: FastifyInstance): void => {
        server.addHook('onError', async () => places.note('error'))
      }
      const server = await makeServer({ before })
      const onNotFound = (): string => app.inScope() ?? 'nobody'
      const another = await makeServer({ options: { onNotFound } })
      await tenantKnex.run('globex', async () => {
        expect((await server.inject({ url: '/', headers: ACME })).body).to.equal('acme')
        expect(app.inScope()).to.equal('globex')
        expect((await server.inject('/skipped')).body).to.equal('nobody')
        expect((await another.inject('/')).body).to.equal('nobody')
        expect((await server.inject('/')).statusCode).to.equal(404)
        const unclear = await server.inject({ url: '/', headers: { 'x-tenant': ['a', 'b'] } })
        expect(unclear.statusCode).to.equal(400)
        expect(places.seen.map(([, tenant]) => tenant)).to.deep.equal([undefined, undefined])
        expect(app.inScope()).to.equal('globex')
      })
    })
  })

  describe('when a request has no tenant', () => {
    const refusals: [number, object, InjectOptions][] = [
      [404, { error: 'Not Found', code: 'ERR_NO_TENANT' }, {}],
      [
        400,
        { error: 'Bad Request', code: 'ERR_REQUEST_INVALID' },
        { headers: { 'x-tenant': ['a', 'b'] } },
      ],
    ]
    for (const [status, said, ask] of refusals) {
      it(`then the answer has the status ${status}, as Fastify’s own errors`, async () => {
        const server = await makeServer({})
        const answer = await server.inject({ url: '/', ...ask })
        expect(answer.statusCode).to.equal(status)
        expect(answer.json()).to.deep.include({ statusCode: status, ...said })
      })
    }

    const answers: [string, number, string, NonNullable<TenantPluginOptions['onNotFound']>][] = [
      ['returns a value', 404, '{"no":"body"}', async () => ({ no: 'body' })],
      ['sends one', 404, 'nobody', (_request, reply) => void reply.send('nobody')],
      [
        'sends one later',
        404,
        'nobody',
        (_request, reply) => void setTimeout(() => reply.send('nobody'), 1),
      ],
      ['sets a status', 410, 'nobody', (_request, reply) => reply.code(410).send('nobody')],
      ['redirects', 302, '', (_request, reply) => reply.redirect('https://example.com')],
      ['fails', 500, 'It failed.', () => Promise.reject(new Error('It failed.'))],
      [
        'fails in its own way',
        451,
        'No.',
        () => {
          throw Object.assign(new Error('No.'), { statusCode: 451 })
        },
      ],
      [
        'uses the server',
        404,
        'true',
        async function () {
          return String(this.hasPlugin('tenant-knex'))
        },
      ],
    ]
    for (const [what, status, body, onNotFound] of answers) {
      it(`and \`onNotFound\` ${what}, then that is the answer`, async () => {
        const server = await makeServer({ options: { onNotFound } })
        const answer = await server.inject('/')
        expect(answer.statusCode).to.equal(status)
        expect(answer.body).to.include(body)
      })
    }
  })

  describe('when the resolver takes the tenant off the path', () => {
    const options = { resolve: firstOf(header('x-tenant'), pathSegment({ strip: true })) }
    const all = { ...OPTIONS, ...options }
    const after = (server: FastifyInstance): void => {
      server.get('/orders/:id', async ({ params, query, tenant, url, originalUrl }) => ({
        ...{ params, query, tenant, url, originalUrl },
      }))
    }

    it('and Fastify is told, then it routes the rest', async () => {
      const server = await makeServer({
        options,
        after,
        server: { rewriteUrl: rewriteTenantUrl(all) },
      })
      const rest = { params: { id: '7' }, query: { page: '2' }, url: '/orders/7?page=2' }
      const acme = await server.inject('/acme/orders/7?page=2')
      expect(acme.json()).to.deep.equal({
        ...rest,
        tenant: { id: 'acme', database: 'tenant_acme' },
        originalUrl: '/acme/orders/7?page=2',
      })
      const byHeader = await server.inject({ url: '/orders/7?page=2', headers: ACME })
      expect(byHeader.json()).to.deep.include({ ...rest, originalUrl: '/orders/7?page=2' })
      expect((await server.inject('/skipped')).body).to.equal('nobody')
      expect((await server.inject('/')).statusCode).to.equal(404)
      expect((await server.inject('/acme%2f../orders/7')).statusCode).to.equal(400)
    })

    it('and a request without a target, as tests make them up, is taken for one of the root', () => {
      expect(rewriteTenantUrl(all)({ headers: {} })).to.equal('/')
    })

    it('and another rewrites the rest, then Fastify routes that', async () => {
      const rewrite = rewriteTenantUrl(all)
      const rewriteUrl: typeof rewrite = (message) => rewrite(message).replace('/bills', '/orders')
      const server = await makeServer({ options, after, server: { rewriteUrl } })
      expect((await server.inject('/acme/bills/7')).json()).to.include({ url: '/orders/7' })
    })

    const untold: [string, Setting][] = [
      ['Fastify is not told', { options }],
      [
        'needs time for it',
        {
          options: { resolve: async (request) => options.resolve(request) },
          server: {
            rewriteUrl: rewriteTenantUrl({ resolve: (it) => Promise.resolve(options.resolve(it)) }),
          },
        },
      ],
    ]
    for (const [what, setting] of untold) {
      it(`and ${what}, then that is an error which says what to do`, async () => {
        const places = new Places(app)
        const server = await makeServer({
          ...setting,
          after(server) {
            server.setErrorHandler(async (error) => {
              places.note('error handler')
              return error
            })
          },
        })
        const answer = await server.inject('/acme/orders/7')
        expect(answer.body).to.include('ERR_OPTION_INVALID').and.include('rewriteTenantUrl')
        expect(places.of(undefined)).to.deep.equal(['error handler'])
      })
    }

    it('and fails while Fastify asks, then the plugin says so', async () => {
      const resolve = (): Promise<string> => Promise.reject(new Error('The resolver failed.'))
      const rewriteUrl = rewriteTenantUrl({ resolve })
      const server = await makeServer({ options: { resolve }, server: { rewriteUrl } })
      const unheard: unknown[] = []
      const hear = (error: unknown): void => void unheard.push(error)
      process.on('unhandledRejection', hear)
      const answer = await server.inject('/acme')
      await nextTurn()
      process.off('unhandledRejection', hear)
      expect(answer.json()).to.include({ statusCode: 500, message: 'The resolver failed.' })
      expect(unheard).to.deep.equal([])
    })

    for (const wrong of [undefined, {}, { resolve: 'path' }, { resolve: () => 'a', skip: 1 }]) {
      it(`and \`rewriteTenantUrl\` gets ${JSON.stringify(wrong)}, then it says so`, () => {
        expect(() => rewriteTenantUrl(wrong as never)).to.throw(/must be a function/)
      })
    }
  })

  describe('when it is registered', () => {
    it('in a context, then it serves that, and what is inside it, alone', async () => {
      const server = fastify()
      server.get('/outside', async (request) => ['knex' in request, app.inScope()])
      await server.register(
        async (inner) => {
          await inner.register(tenantPlugin, OPTIONS)
          inner.get('/one', async () => app.inScope())
          await inner.register(async (inmost) => {
            inmost.get('/two', async ({ tenant }) => [app.inScope(), tenant?.id])
          })
        },
        { prefix: '/inside' },
      )
      expect((await server.inject('/outside')).json()).to.deep.equal([false, null])
      const answer = await server.inject({ url: '/inside/one', headers: ACME })
      expect(answer.body).to.equal('acme')
      const inmost = await server.inject({ url: '/inside/two', headers: ACME })
      expect(inmost.json()).to.deep.equal(['acme', 'acme'])
    })

    it('in two contexts with two tenantKnexes, then each has its own', async () => {
      const server = fastify()
      const others = [
        tenantKnex,
        createTenantKnex({ connection: {}, database: (id) => `other_${id}` }),
      ]
      for (const [index, other] of others.entries()) {
        const context = async (inner: FastifyInstance): Promise<void> => {
          await inner.register(tenantPlugin, { ...OPTIONS, tenantKnex: other })
          inner.get('/', async ({ tenant }) => [tenant?.database, other.current().tenant.database])
        }
        await server.register(context, { prefix: `/${index}` })
      }
      for (const [index, database] of ['tenant_acme', 'other_acme'].entries()) {
        const answer = await server.inject({ url: `/${index}`, headers: ACME })
        expect(answer.json()).to.deep.equal([database, database])
      }
    })

    it('a second time, then Fastify refuses that', async () => {
      const server = await makeServer({})
      const again = async (): Promise<void> => void (await server.register(tenantPlugin, OPTIONS))
      const error = await rejection(again())
      expect(error.code).to.equal('FST_ERR_DEC_ALREADY_PRESENT')
    })

    it('with another tenantKnex, then each has its own, and the request that of the last', async () => {
      const other = createTenantKnex({ connection: {} })
      const after = async (server: FastifyInstance): Promise<void> => {
        const options = { tenantKnex: other, resolve: header('x-other') }
        await server.register(tenantPlugin, options)
        server.get('/both', async ({ tenant }) => [
          app.inScope(),
          other.current().tenant.id,
          tenant?.id,
        ])
      }
      const server = fastify()
      await server.register(tenantPlugin, OPTIONS)
      await after(server)
      const headers = { ...ACME, 'x-other': 'globex' }
      const answer = await server.inject({ url: '/both', headers })
      expect(answer.json()).to.deep.equal(['acme', 'globex', 'globex'])
    })

    it('with options of `register` itself, then those are no mistakes', async () => {
      const server = fastify()
      const options = { ...OPTIONS, prefix: '/x', logLevel: 'error' } as const
      await server.register(tenantPlugin, options)
      expect(server.hasPlugin('tenant-knex')).to.equal(true)
    })
  })
})
