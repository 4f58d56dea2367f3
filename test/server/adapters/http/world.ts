import { expect } from 'chai'
import { createTenantKnex, type TenantKnexOptions } from '../../../../src/index.ts'
import {
  firstOf,
  header,
  pathSegment,
  type Resolver,
  subdomain,
} from '../../../../src/resolve/index.ts'
import { type TestServer, until } from '../../../support/tenants.ts'
import { Application, type Running } from './application.ts'
import { type Ask, Client } from './client.ts'

/** The options of the tested adapters: requests name tenants by sub-domain, header or path. */
export const resolve: Resolver = firstOf(
  subdomain({ baseDomains: ['example.test'] }),
  header('x-tenant'),
  pathSegment({ strip: true }),
)

/** A running application, and a client with one connection to it. */
export interface World {
  readonly app: Application
  readonly client: Client
  readonly port: number
}

/** Runs a test with an application, then checks that no database connection is in use. */
export async function withApplication(
  server: TestServer,
  database: NonNullable<TenantKnexOptions['database']>,
  start: (app: Application) => Promise<Running>,
  test: (world: World) => Promise<void>,
): Promise<Application> {
  const tenantKnex = createTenantKnex({ connection: server.url, database, pool: { max: 4 } })
  const app = new Application(tenantKnex)
  try {
    const running = await start(app)
    const client = new Client(running.port, 1)
    try {
      await test({ app, client, port: running.port })
      await until('nothing is held', () => tenantKnex.stats().servers[0].used === 0)
    } finally {
      client.close()
      await running.close()
    }
  } finally {
    await tenantKnex.destroy()
  }
  return app
}

/** The same, then checks that no code has seen another tenant's scope. */
export async function withSoundApplication(
  ...args: Parameters<typeof withApplication>
): Promise<void> {
  const app = await withApplication(...args)
  expect(app.mistakes()).to.deep.equal([])
}

/** Makes a request after another one on the same connection. It must not see anything of the other. */
export async function expectClean({ client }: World, isReused = true): Promise<void> {
  const answer = await client.ask({ path: '/health' })
  expect(answer.isReused).to.equal(isReused)
  expect(JSON.parse(answer.body)).to.deep.equal({
    request: '0:',
    inScope: null,
    tenant: null,
    hasKnex: false,
  })
}

/** A request of a tenant. */
export function own(path: string, tenant: string): Ask {
  return { path, name: `1:${tenant}`, host: tenant ? `${tenant}.example.test` : 'other.test' }
}
