import { expect } from 'chai'
import { createTenantKnex } from '../../../../src/index.ts'
import type { TenantRequest } from '../../../../src/resolve/index.ts'
import { type TestServer, until } from '../../../support/tenants.ts'
import { Application, type Framework } from './application.ts'
import { type Answer, type Ask, Client } from './client.ts'
import { sharedTenants } from './shared-tenants.ts'
import { resolve } from './world.ts'

const TENANTS = Array.from({ length: 200 }, (_, index) => `t${index}`)
const CONNECTIONS = 64
const REQUESTS = 1_000

/** A request, and the answer that it must get. */
interface Kind {
  readonly path: string
  readonly ask?: Partial<Ask>
  readonly check?: (answer: Answer, about: { request: string; inScope: string }) => void
  readonly isAborted?: boolean
}

const rowsOfOwn: Kind['check'] = ({ status, body }, { inScope, request }) => {
  expect(status).to.equal(200)
  expect(JSON.parse(body)).to.deep.include({ request, inScope, rows: [inScope, inScope] })
}

/** Each is chosen as often as it is in the list. */
const KINDS: readonly Kind[] = [
  { path: '/rows', check: rowsOfOwn },
  { path: '/ambient', check: rowsOfOwn },
  {
    path: '/stream',
    check: ({ body }, { request, inScope }) =>
      expect(body).to.equal(`${JSON.stringify({ request, inScope, rows: [inScope] })}\n`.repeat(4)),
  },
  { path: '/rows', check: rowsOfOwn },
  {
    path: '/throw',
    check: ({ status, body }, { request, inScope }) => {
      expect(status).to.equal(500)
      expect(JSON.parse(body)).to.deep.include({ request, inScope })
    },
  },
  {
    path: '/upload',
    ask: { method: 'POST', body: ['one', 'two', 'three'] },
    check: ({ body }, { request, inScope }) => {
      const { chunks, ...rest } = JSON.parse(body)
      expect(rest).to.deep.equal({ request, inScope, rows: [inScope] })
      expect(new Set(chunks)).to.deep.equal(new Set([inScope]))
    },
  },
  { path: '/endless', isAborted: true },
  { path: '/after', check: ({ status }) => expect(status).to.equal(200) },
]

/** Defines the test that runs requests of all kinds at once, of many tenants over many connections. */
export function aStormOfRequests(
  framework: Framework,
  server: TestServer,
  skip: (request: TenantRequest) => boolean,
): void {
  describe(`when ${CONNECTIONS} connections mix requests of ${TENANTS.length} tenants`, () => {
    const { databaseOf } = sharedTenants(server, TENANTS)

    it('then each answer is of its own tenant’s data, and nothing is held at the end', async () => {
      const tenantKnex = createTenantKnex({
        connection: server.url,
        database: databaseOf,
        pool: { max: 8 },
      })
      const app = new Application(tenantKnex)
      const running = await framework.start(app, { resolve, skip })
      const client = new Client(running.port, CONNECTIONS)
      try {
        const numbers = Array.from({ length: REQUESTS }, (_, index) => index).values()
        let reused = 0
        const workers = Array.from({ length: CONNECTIONS }, async () => {
          for (const number of numbers) {
            const count = await oneRequest(client, number)
            reused += count
          }
        })
        await Promise.all(workers)
        expect(reused).to.be.greaterThan(REQUESTS / 2)
        await until('nothing is held', () => tenantKnex.stats().servers[0].used === 0)
        expect(app.mistakes()).to.deep.equal([])
      } finally {
        client.close()
        await running.close()
        await tenantKnex.destroy()
      }
    }).timeout(60_000)
  })
}

/** @returns how many requests came over a connection that had served others before */
async function oneRequest(client: Client, number: number): Promise<number> {
  const tenant = TENANTS[(number * 7919) % TENANTS.length] as string
  const kind = KINDS[(number * 31 + Math.floor(number / 8)) % KINDS.length] as Kind
  const request = `${number}:${tenant}`
  const ask: Ask = { ...named(number, kind.path, tenant), ...kind.ask, name: request }
  if (kind.isAborted) {
    await client.abortAnswer(ask)
    return 0
  }
  const answer = await client.ask(ask)
  kind.check?.(answer, { request, inScope: tenant })
  if (number % 5 > 0) return Number(answer.isReused)
  const health = await client.ask({ path: '/health', name: `${number}:` })
  expect(JSON.parse(health.body)).to.include({ inScope: null, tenant: null })
  return Number(answer.isReused) + Number(health.isReused)
}

/** The same request. It names the tenant in one of the ways. */
function named(number: number, path: string, tenant: string): Ask {
  if (number % 3 === 0) return { path, host: `${tenant}.example.test` }
  if (number % 3 === 1) return { path, headers: { 'x-tenant': tenant } }
  return { path: `/${tenant}${path}` }
}
