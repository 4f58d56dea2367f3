import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import Hapi from '@hapi/hapi'
import { expect } from 'chai'
import fastify from 'fastify'
import Koa from 'koa'
import { tenantPlugin as fastifyTenant } from '../../../../src/adapters/fastify.ts'
import { tenantPlugin as hapiTenant } from '../../../../src/adapters/hapi.ts'
import { tenantMiddleware as koaTenant } from '../../../../src/adapters/koa.ts'
import type { TenantKnex } from '../../../../src/index.ts'
import { header } from '../../../../src/resolve/index.ts'
import { onEachServer, withTenants } from '../../../support/tenants.ts'

const HEADERS = { 'x-tenant': 'nobody' }
const resolve = header('x-tenant')

interface Shown {
  readonly status: number
  readonly body: string
}

/** Frameworks with their own error handling: the application sets no error handler. */
const ASK: Record<string, (tenantKnex: TenantKnex) => Promise<Shown>> = {
  async Fastify(tenantKnex) {
    const app = fastify()
    await app.register(fastifyTenant, { tenantKnex, resolve })
    app.get('/', () => tenantKnex.ambient('items'))
    const { statusCode: status, body } = await app.inject({ url: '/', headers: HEADERS })
    await app.close()
    return { status, body }
  },
  async Hapi(tenantKnex) {
    const app = Hapi.server({ debug: false })
    await app.register({ plugin: hapiTenant, options: { tenantKnex, resolve } })
    app.route({ method: 'GET', path: '/', handler: () => tenantKnex.ambient('items') })
    const { statusCode: status, payload: body } = await app.inject({ url: '/', headers: HEADERS })
    return { status, body }
  },
  Koa(tenantKnex) {
    const app = new Koa()
    app.use(koaTenant(tenantKnex, { resolve }))
    app.use(async (ctx) => {
      ctx.body = await tenantKnex.ambient('items')
    })
    return answerOf(app.callback())
  },
}

async function answerOf(listener: RequestListener): Promise<Shown> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const response = await fetch(`http://127.0.0.1:${port}/`, { headers: HEADERS })
  const shown = { status: response.status, body: await response.text() }
  server.close()
  return shown
}

onEachServer('given a request for a tenant without a database', (server) => {
  for (const [name, ask] of Object.entries(ASK)) {
    it(`when ${name} answers by itself, then with 404, and it does not show the database’s name`, () =>
      withTenants(server, { tenants: [] }, async ({ tenantKnex, databaseOf }) => {
        const { status, body } = await ask(tenantKnex)
        expect(status).to.equal(404)
        expect(body).to.match(/There is no such tenant|Not Found/)
        expect(body).not.to.include(databaseOf('nobody'))
      }))
  }
})
