import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import Hapi from '@hapi/hapi'
import { expect } from 'chai'
import express from 'express'
import fastify from 'fastify'
import Koa from 'koa'
import { tenantMiddleware as expressTenant } from '../../../../src/adapters/express.ts'
import { tenantPlugin as fastifyTenant } from '../../../../src/adapters/fastify.ts'
import { tenantPlugin as hapiTenant } from '../../../../src/adapters/hapi.ts'
import { tenantMiddleware as koaTenant } from '../../../../src/adapters/koa.ts'
import { createTenantKnex, type TenantKnex } from '../../../../src/index.ts'
import { header } from '../../../../src/resolve/index.ts'
import { onEachServer, withTenants } from '../../../support/tenants.ts'

const resolve = header('x-tenant')

/** Sends a request of a tenant, and returns the body of the answer. */
type Send = (tenant: string) => Promise<string>

interface Given {
  readonly tenantKnex: TenantKnex
  /** The answer of the application’s one route. */
  readonly answer: () => Promise<object>
}

/** Applications with the adapter of one tenantKnex. */
const APPLICATIONS: Readonly<Record<string, (given: Given) => Promise<Send>>> = {
  async Express({ tenantKnex, answer }) {
    const app = express()
    app.use(expressTenant(tenantKnex, { resolve }))
    app.get('/', async (_req, res) => void res.json(await answer()))
    return overHttp(app)
  },
  async Fastify({ tenantKnex, answer }) {
    const app = fastify()
    await app.register(fastifyTenant, { tenantKnex, resolve })
    app.get('/', answer)
    return async (tenant) => (await app.inject({ url: '/', headers: { 'x-tenant': tenant } })).body
  },
  async Hapi({ tenantKnex, answer }) {
    const app = Hapi.server({ debug: false })
    await app.register({ plugin: hapiTenant, options: { tenantKnex, resolve } })
    app.route({ method: 'GET', path: '/', handler: answer })
    return async (tenant) =>
      (await app.inject({ url: '/', headers: { 'x-tenant': tenant } })).payload
  },
  async Koa({ tenantKnex, answer }) {
    const app = new Koa()
    app.use(koaTenant(tenantKnex, { resolve }))
    app.use(async (ctx) => {
      ctx.body = await answer()
    })
    return overHttp(app.callback())
  },
}

async function overHttp(listener: RequestListener): Promise<Send> {
  return async (tenant) => {
    const server = createServer(listener).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    try {
      const headers = { 'x-tenant': tenant, connection: 'close' }
      return await (await fetch(`http://127.0.0.1:${port}/`, { headers })).text()
    } finally {
      server.close()
    }
  }
}

onEachServer('given two tenantKnexes that share a scope, and the adapter of one', (server) => {
  for (const [name, start] of Object.entries(APPLICATIONS)) {
    it(`when requests come to ${name}, then each has its tenant in scope for both`, () =>
      withTenants(server, {}, async ({ tenantKnex, databaseOf, url }) => {
        const reports = createTenantKnex({
          connection: url,
          database: databaseOf,
          pool: { max: 1 },
          shareScopeWith: tenantKnex,
        })
        const seen = async ({ tenant, ambient }: TenantKnex): Promise<unknown[]> => [
          tenant?.id,
          ...(await ambient('items').distinct().pluck('tenant')),
        ]
        const answer = async () => [await seen(tenantKnex), await seen(reports)]
        try {
          const send = await start({ tenantKnex, answer })
          const bodies = await Promise.all(['a', 'b', 'a', 'c'].map(send))
          expect(bodies.map((body) => JSON.parse(body))).to.deep.equal(
            ['a', 'b', 'a', 'c'].map((id) => [
              [id, id],
              [id, id],
            ]),
          )
          expect(reports.tenant).to.equal(undefined)
        } finally {
          await reports.destroy()
        }
      }))
  }
})
