import { expect } from 'chai'
import * as express from '../../../../src/adapters/express.ts'
import * as fastify from '../../../../src/adapters/fastify.ts'
import { toBoom } from '../../../../src/adapters/hapi/boom.ts'
import * as hapi from '../../../../src/adapters/hapi.ts'
import { TenantRequestError } from '../../../../src/adapters/http/request-error.ts'
import * as koa from '../../../../src/adapters/koa.ts'
import { createTenantKnex } from '../../../../src/index.ts'
import { fixed } from '../../../../src/resolve/index.ts'

const tenantKnex = createTenantKnex({ connection: {}, database: () => null })

describe('given an error handler that asks what an error is', () => {
  for (const [name, adapter] of Object.entries({ express, fastify, hapi, koa })) {
    it(`then the class that ${name} exports says so of a request without a tenant`, () => {
      const tenant = express.tenantMiddleware(tenantKnex, { resolve: fixed('nobody') })
      const [req, res] = [{ headers: {}, on() {}, listenerCount: () => 0 }, { on() {} }]
      let error: unknown
      tenant(req as never, res as never, (it) => {
        error = it
      })
      expect(error).to.be.instanceOf(adapter.TenantRequestError)
      expect(error).to.include({ code: 'ERR_TENANT_UNKNOWN', status: 404 })
    })
  }

  it('then its message may be shown unless the server is at fault', () => {
    const [missing, down] = (['ERR_TENANT_UNKNOWN', 'ERR_LOOKUP_FAILED'] as const).map(
      (code) => new TenantRequestError(code, undefined),
    )
    expect(missing).to.include({ status: 404, expose: true })
    expect(down).to.include({ status: 503, expose: false })
    expect(toBoom(missing as TenantRequestError).isServer).to.equal(false)
    expect(toBoom(down as TenantRequestError).isServer).to.equal(true)
  })
})
