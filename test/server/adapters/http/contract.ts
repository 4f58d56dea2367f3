import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { createTenantKnex, TenantKnexError, type TenantKnexOptions } from '../../../../src/index.ts'
import type { Resolver, TenantRequest } from '../../../../src/resolve/index.ts'
import { onEachServer, rejection, type TestServer, until } from '../../../support/tenants.ts'
import { Application, type ApplicationOptions, type Framework, lineOf } from './application.ts'
import { type Ask, pipelined } from './client.ts'
import { sharedTenants } from './shared-tenants.ts'
import { aStormOfRequests } from './storm.ts'
import {
  expectClean,
  own,
  resolve,
  type World,
  withApplication,
  withSoundApplication,
} from './world.ts'

const skip = ({ url }: TenantRequest): boolean => url.startsWith('/health')

/** The two ways of a function: it returns at once, or a promise. */
const resolveWrongly = (({ url }: TenantRequest) =>
  url === '/late' ? Promise.resolve({ id: 'a' }) : ['a']) as unknown as Resolver

/** Defines the tests of an adapter for HTTP. */
export function httpContract(framework: Framework): void {
  onEachServer(`given ${framework.name} and the adapter`, (server) => {
    adapterContract(framework, server)
    // One server is enough, because the adapters do not depend on the server.
    if (server.name !== 'MariaDB') return
    aStormOfRequests(framework, server, skip)
    describe('behind the adapter of another tenantKnex', () =>
      adapterContract(behindAnother(framework), server))
  })
}

function behindAnother(framework: Framework): Framework {
  return {
    ...framework,
    start(app, options) {
      app.addOther()
      return framework.start(app, options)
    },
  }
}

function adapterContract(framework: Framework, server: TestServer): void {
  const shared = sharedTenants(server, ['a', 'b', 'c'])

  const withApp = (
    options: Partial<ApplicationOptions & Pick<TenantKnexOptions, 'database'>>,
    test: (world: World) => Promise<void>,
  ): Promise<void> => {
    const { database = shared.databaseOf, ...given } = options
    const start = (app: Application) => framework.start(app, { resolve, skip, ...given })
    return withSoundApplication(server, database, start, test)
  }

  describe('when a request names its tenant', () => {
    const ways: [string, Ask][] = [
      ['by sub-domain', { path: '/rows?x=1', host: 'b.example.test:8080' }],
      ['by header', { path: '/rows?x=1', headers: { 'x-tenant': 'b' } }],
      ['by path', { path: '/b/rows?x=1' }],
    ]
    for (const [way, ask] of ways) {
      it(`${way}, then the handler has it and its Knex, and the router its own URL`, () =>
        withApp({}, async (world) => {
          const answer = await world.client.ask({ ...ask, name: '1:b' })
          expect(answer.status).to.equal(200)
          expect(JSON.parse(answer.body)).to.deep.equal({
            request: '1:b',
            inScope: 'b',
            tenant: { id: 'b', database: shared.databaseOf('b') },
            url: '/rows?x=1',
            rows: ['b', 'b'],
          })
          await expectClean(world)
        }))
    }

    it('then the ambient Knex is its own, and nobody’s in the next request', () =>
      withApp({}, async (world) => {
        for (const tenant of ['a', 'b', 'a']) {
          const answer = await world.client.ask(own('/ambient', tenant))
          expect(JSON.parse(answer.body)).to.deep.equal({
            request: `1:${tenant}`,
            inScope: tenant,
            rows: [tenant, tenant],
          })
          await expectClean(world)
        }
      }))

    it('and asks for the head alone, then it gets that, and the connection goes on', () =>
      withApp({}, async ({ port }) => {
        const received = await pipelined(port, [
          { ...own('/rows', 'a'), method: 'HEAD' },
          { ...own('/stream', 'a'), method: 'HEAD' },
          { path: '/health' },
        ])
        expect(received.match(/^HTTP\/1.1 200 OK/gm)).to.have.length(3)
        expect(received.match(/^\{.*/gm)).to.deep.equal([
          '{"request":"0:","inScope":null,"tenant":null,"hasKnex":false}',
        ])
      }))
  })

  describe('when resolver and `database` are asynchronous', () => {
    const options = {
      resolve: async (request: Parameters<Resolver>[0]) => {
        await sleep(1)
        return resolve(request)
      },
      database: async (id: string) => {
        await sleep(1)
        return id === 'ghost' ? null : shared.databaseOf(id)
      },
    }

    it('then the tenant has its database before the handler begins', () =>
      withApp(options, async (world) => {
        for (const tenant of ['a', 'b']) {
          const answer = await world.client.ask(own('/rows', tenant))
          expect(JSON.parse(answer.body)).to.deep.include({
            inScope: tenant,
            tenant: { id: tenant, database: shared.databaseOf(tenant) },
            rows: [tenant, tenant],
          })
          await expectClean(world)
        }
      }))

    it('then a body that came meanwhile is read whole, in the tenant’s scope', () =>
      withApp(options, async (world) => {
        const answer = await world.client.ask({
          ...own('/upload', 'a'),
          method: 'POST',
          body: ['one', 'two'],
        })
        expect(JSON.parse(answer.body)).to.deep.include({ inScope: 'a', rows: ['a'] })
        await expectClean(world)
      }))

    it('then a promise of another kind will do', () => {
      const then = (done: (resolution: string) => void): void => void setImmediate(done, 'b')
      return withApp({ resolve: () => ({ then }) as never }, async (world) => {
        const answer = await world.client.ask({ path: '/rows', name: '1:b' })
        expect(JSON.parse(answer.body)).to.deep.include({ inScope: 'b', rows: ['b', 'b'] })
        await expectClean(world)
      })
    })

    it('then an unknown tenant is answered with 404', () =>
      withApp(options, async (world) => {
        const answer = await world.client.ask({ path: '/rows', host: 'ghost.example.test' })
        expect(answer.status).to.equal(404)
        expect(world.app.placesOf('0:')).to.include('error')
        await expectClean(world)
      }))
  })

  describe('when bodies are streamed', () => {
    it('then each chunk of a response is queried for in the tenant’s scope', () =>
      withApp({}, async (world) => {
        const answer = await world.client.ask(own('/stream', 'b'))
        const line = JSON.stringify({ request: '1:b', inScope: 'b', rows: ['b'] })
        expect(answer.body).to.equal(`${line}\n`.repeat(4))
        await until('the stream closes', () => world.app.placesOf('1:b').includes('close'))
        expect(world.app.placesOf('1:b')).to.include.members(['chunks-end', 'end'])
        await expectClean(world)
      }))

    it('then each chunk of a request is read in the tenant’s scope', () =>
      withApp({}, async (world) => {
        const body = async function* (): AsyncGenerator<string> {
          for (const count of [1, 2, 3]) {
            yield 'x'.repeat(10)
            await until('the chunk is there', () => world.app.placesOf('1:b').length > count)
          }
        }
        const answer = await world.client.ask({
          ...own('/upload', 'b'),
          method: 'POST',
          body: body(),
        })
        const { chunks, rows, inScope } = JSON.parse(answer.body)
        expect(chunks.length).to.be.greaterThan(1)
        expect(new Set([...chunks, ...rows, inScope])).to.deep.equal(new Set(['b']))
        await expectClean(world)
      }))

    it('then rows come to the client while they come from the server', () =>
      withApp({}, async (world) => {
        const answer = await world.client.ask(own('/cursor', 'c'))
        expect(answer.body).to.equal(lineOf('c').repeat(5 ** 6))
        await expectClean(world)
      }))
  })

  describe('when a client hangs up', () => {
    for (const path of ['/endless', '/cursor']) {
      it(`in the middle of ${path}, then the stream ends, and no connection is held`, () =>
        withApp({}, async (world) => {
          const end = path === '/endless' ? 'chunks-end' : 'cursor-end'
          await world.client.abortAnswer(own(path, 'a'))
          await until('the stream ends', () => world.app.placesOf('1:a').includes(end))
          await expectClean(world, false)
        }))
    }

    it('before the answer, then the handler ends in its own scope', () =>
      withApp({}, async (world) => {
        const isThere = (place: string) => () => world.app.placesOf('1:a').includes(place)
        await world.client.abortWhen(own('/slow', 'a'), () => until('it runs', isThere('slow')))
        await expectClean(world, false)
        await until('it ends', isThere('slow-end'))
      }))

    it('in the middle of its own body, then the handler ends in its own scope', () =>
      withApp({}, async (world) => {
        const body = async function* (): AsyncGenerator<string> {
          yield 'half'
          await new Promise(() => undefined)
        }
        const ask = { ...own('/upload', 'a'), method: 'POST', body: body() }
        await world.client.abortWhen(ask, () =>
          until('a part is there', () => world.app.placesOf('1:a').includes('data')),
        )
        await until('it is noticed', () => world.app.placesOf('1:a').includes('body-close'))
        await expectClean(world, false)
      }))
  })

  describe('when a handler fails', () => {
    it('then the error handler has its tenant in scope, and the next request none', () =>
      withApp({}, async (world) => {
        for (const tenant of ['a', 'b']) {
          const answer = await world.client.ask(own('/throw', tenant))
          expect(answer.status).to.equal(500)
          expect(JSON.parse(answer.body)).to.deep.equal({
            request: `1:${tenant}`,
            inScope: tenant,
            message: 'The handler threw.',
          })
          await expectClean(world)
        }
      }))

    it('in the middle of a streamed response, then it is cut off, and nothing is held', () =>
      withApp({}, async (world) => {
        await rejection(world.client.ask(own('/broken-stream', 'a')))
        await until('the stream ends', () => world.app.placesOf('1:a').includes('chunks-end'))
        await expectClean(world, false)
      }))
  })

  describe('when a response has ended', () => {
    it('then what comes after it has its tenant in scope', () =>
      withApp({}, async (world) => {
        const places = ['early', 'finish', 'close', 'query', 'timer', 'later-timer']
        if (framework.hasAfterHook) places.push('hook')
        for (const tenant of ['a', 'b', 'c']) {
          await world.client.ask(own('/after', tenant))
          await expectClean(world)
        }
        for (const name of ['1:a', '1:b', '1:c']) {
          await until(`all is noted for ${name}`, () =>
            places.every((place) => world.app.placesOf(name).includes(place)),
          )
        }
      }))
  })

  describe('when requests come without waiting for answers', () => {
    it('then each has its own scope, also in what happens when it has been answered', () =>
      withApp({}, async ({ app, port }) => {
        const received = await pipelined(port, [
          { ...own('/slow', 'a'), name: '1:a' },
          { path: '/health', name: '2:' },
          { ...own('/after', 'b'), name: '3:b' },
          { path: '/plain', name: '4:' },
          { ...own('/stream', 'c'), name: '5:c' },
          { path: '/health', name: '6:' },
          { ...own('/rows', 'a'), name: '7:a' },
        ])
        const answers = [...received.matchAll(/\{"request":"(\d:\w?)","inScope":(?:null|"(\w)")/g)]
        const names = answers.map(([, name]) => name)
        expect([...new Set(names)].filter((name) => name !== '4:')).to.deep.equal([
          ...['1:a', '2:', '3:b', '5:c', '6:', '7:a'],
        ])
        for (const [, name, tenant = ''] of answers) expect(name?.split(':')[1]).to.equal(tenant)
        await until('all have ended', () => {
          const ended = app.notes.filter(({ place }) => place === 'outer-close')
          return ended.length === 7 && app.placesOf('3:b').includes('later-timer')
        })
      }))
  })

  describe('when a request has no tenant', () => {
    const refusals: [string, Partial<Ask>, number][] = [
      ['names none', { path: '/' }, 404],
      ['names one that cannot be', { headers: { 'x-tenant': 'x'.repeat(200) } }, 404],
      ['names an unknown one', { headers: { 'x-tenant': 'ghost' } }, 404],
      ['is not clear', { host: 'a..example.test' }, 400],
    ]
    const database = (id: string) => (id === 'ghost' ? null : shared.databaseOf(id))
    const throwing = (error: unknown): Partial<ApplicationOptions> => ({
      resolve: () => {
        throw error
      },
    })
    const isDown = throwing(new TenantKnexError('ERR_LOOKUP_FAILED', 'Redis is secret.'))

    for (const [what, ask, status] of refusals) {
      it(`as it ${what}, then the answer is ${status}, and nobody is in scope`, () =>
        withApp({ database }, async (world) => {
          const { app, client } = world
          const answer = await client.ask({ path: '/rows', ...ask })
          expect(answer.status).to.equal(status)
          expect(app.placesOf('0:')).to.include('error')
          await expectClean(world)
          await client.ask(own('/rows', 'a'))
          await client.ask({ path: '/rows', ...ask })
          await expectClean(world)
        }))
    }

    it('as it cannot be looked up, then the answer is 503 and does not say why', () =>
      withApp(isDown, async (world) => {
        const answer = await world.client.ask(own('/rows', ''))
        expect(answer.status).to.equal(503)
        expect(answer.body).not.to.include('secret')
        expect(world.app.placesOf('1:')).to.include('error')
        await expectClean(world)
      }))

    it('as the resolver is broken, then that is an error of the application', () =>
      withApp({ ...throwing(new Error('broken')), notFound: 'replaced' }, async (world) => {
        const answer = await world.client.ask(own('/rows', ''))
        expect(answer.status).to.equal(500)
        expect(world.app.placesOf('1:')).to.include('error').and.not.include('gone')
        await expectClean(world)
      }))

    it('as the resolver gives what is no tenant, then that is an error of the application', () =>
      withApp({ resolve: resolveWrongly, notFound: 'replaced' }, async (world) => {
        for (const path of ['/rows', '/late']) {
          const answer = await world.client.ask(own(path, ''))
          expect(answer.status).to.equal(500)
          expect(world.app.placesOf('1:')).to.include('error').and.not.include('gone')
          await expectClean(world)
        }
      }))

    it('then the application may answer in its own way', () =>
      withApp({ database, notFound: 'replaced' }, async (world) => {
        const codes = []
        for (const ask of [{ path: '/' }, { headers: { 'x-tenant': 'ghost' } }]) {
          const answer = await world.client.ask({ path: '/rows', ...ask })
          expect(answer.status).to.equal(410)
          const { code, ...said } = JSON.parse(answer.body)
          expect(said).to.deep.equal({ request: '0:', inScope: null, status: 404 })
          codes.push(code)
          await expectClean(world)
        }
        expect(codes).to.deep.equal(['ERR_NO_TENANT', 'ERR_TENANT_UNKNOWN'])
        expect(world.app.placesOf('0:')).not.to.include('error')
      }))

    it('then other answers than that of 404 stay as they are', () =>
      withApp({ ...isDown, notFound: 'replaced' }, async (world) => {
        const answer = await world.client.ask(own('/rows', ''))
        expect(answer.status).to.equal(503)
        expect(world.app.placesOf('1:')).not.to.include('gone')
      }))

    it('and the application’s own answer fails, then that is an error of the application', () =>
      withApp({ notFound: 'broken' }, async (world) => {
        const answer = await world.client.ask({ path: '/' })
        expect(answer.status).to.equal(500)
        expect(world.app.placesOf('0:')).to.include('error')
        await expectClean(world)
      }))

    if (framework.cannotGoOn) return
    it('then the request may go on without one', () =>
      withApp({ database, notFound: 'continued' }, async (world) => {
        const ghost = await world.client.ask({ path: '/rows', host: 'ghost.example.test' })
        expect(JSON.parse(ghost.body)).to.deep.include({ inScope: null, rows: [] })
        await expectClean(world)
        const known = await world.client.ask(own('/rows', 'a'))
        expect(JSON.parse(known.body)).to.deep.include({ inScope: 'a', rows: ['a', 'a'] })
      }))
  })

  describe('when its tenant has no database', () => {
    const database = (id: string): string => shared.databaseOf(id)
    const create = async (...statements: string[]): Promise<void> => {
      await shared.admin.query(`DROP DATABASE IF EXISTS ${database('ghost')}`)
      await shared.admin.query(`CREATE DATABASE ${database('ghost')}`)
      for (const statement of statements) await shared.admin.query(statement)
    }
    const drop = async (): Promise<void> => {
      await shared.admin.query(`DROP DATABASE IF EXISTS ${database('ghost')}`)
    }
    afterEach(drop)

    it('then its first query lets the answer be 404', () =>
      withApp({ notFound: 'replaced' }, async (world) => {
        for (const path of ['/rows', '/ambient', '/transaction', '/rows']) {
          const answer = await world.client.ask(own(path, 'ghost'))
          expect(answer.status).to.equal(404)
          expect(JSON.parse(answer.body)).to.include({ inScope: 'ghost' })
          await expectClean(world)
        }
        expect(world.app.placesOf('1:ghost')).to.include('error').and.not.include('gone')
      }))

    for (const path of ['/rows', '/ambient', '/transaction']) {
      it(`as somebody else has dropped it, then the answer to ${path} is 404`, async () => {
        await create(`CREATE TABLE ${database('ghost')}.items (tenant VARCHAR(9))`)
        await withApp({}, async (world) => {
          const ask = own(path, 'ghost')
          expect(await world.client.ask(ask)).to.include({ status: 200 })
          await drop()
          for (const answer of [await world.client.ask(ask), await world.client.ask(ask)]) {
            expect(answer).to.include({ status: 404 })
          }
          await expectClean(world)
        })
      })
    }

    it('but only a table is missing, then that is an error of the application', async () => {
      await create()
      await withApp({}, async (world) => {
        expect(await world.client.ask(own('/rows', 'ghost'))).to.include({ status: 500 })
        await expectClean(world)
      })
    })

    it('but another one’s is missing, then that is an error of the application', () =>
      withApp({}, async (world) => {
        expect(await world.client.ask(own('/elsewhere', 'a'))).to.include({ status: 500 })
        await expectClean(world)
      }))
  })

  describe('when the server was started in a tenant’s scope', () => {
    it('then requests without a tenant have none in scope all the same', async () => {
      const options: ApplicationOptions = { resolve, skip, notFound: 'replaced' }
      const app = await withApplication(
        server,
        shared.databaseOf,
        (app) => app.tenantKnex.run('c', () => framework.start(app, options)),
        async (world) => {
          await expectClean(world, false)
          const gone = await world.client.ask({ path: '/' })
          expect(JSON.parse(gone.body)).to.include({ inScope: null })
          const unclear = await world.client.ask({ path: '/', host: 'a..example.test' })
          expect(unclear.status).to.equal(400)
          await world.client.ask(own('/after', 'a'))
          await expectClean(world)
        },
      )
      const before = app.notes.filter(({ place }) => place === 'listener')
      const outer = framework.startsInNoScope ? undefined : 'c'
      expect(new Set(before.map(({ tenant }) => tenant))).to.deep.equal(new Set([outer]))
      const mistakes = app.mistakes().filter(({ place }) => !/listener|earlier/.test(place))
      expect(mistakes).to.deep.equal([])
    })
  })

  describe('when it is given wrong options', () => {
    const wrong: [string, object | undefined][] = [
      ['none', undefined],
      ['no resolver', { resolve: undefined }],
      ['a resolver that is no function', { resolve: 'subdomain' }],
      ['a `skip` that is no function', { resolve, skip: ['/health'] }],
      ['an unknown option', { resolve, skipp: skip }],
      ['an `onNotFound` that is no function', { resolve, onNotFound: 404 }],
    ]
    for (const [what, options] of wrong) {
      it(`such as ${what}, then it says so`, async () => {
        const app = new Application(createTenantKnex({ connection: {} }))
        const error = await rejection(framework.start(app, options as never))
        expect(error.code).to.equal('ERR_OPTION_INVALID')
      })
    }

    it('such as no tenantKnex, then it says so', async () => {
      const app = new Application({} as never)
      const error = await rejection(framework.start(app, { resolve }))
      expect(error.code).to.equal('ERR_OPTION_INVALID')
    })
  })
}
