import { expect } from 'chai'
import { RequestTenants } from '../../../../src/adapters/http/request-tenants.ts'
import { createTenantKnex } from '../../../../src/index.ts'
import { requestOf } from '../../../server/resolve/support/requests.ts'
import { rejection, thrown } from '../../../support/tenants.ts'

const tenantKnex = createTenantKnex({ connection: {} })

function find(resolution: unknown): unknown {
  const resolve = () => resolution as never
  return new RequestTenants(tenantKnex, { resolve }, []).find(requestOf({}))
}

describe('given a resolver of the application', () => {
  const misfits: [string, unknown, string][] = [
    ['a number', 42, 'number; use String(id)'],
    ['a bigint', 42n, 'bigint; use String(id)'],
    ['an array', ['acme'], 'an array'],
    ['a boolean', false, 'boolean'],
    ['a function', () => 'acme', 'function'],
    ['another object', { id: 'acme' }, 'an object that is not `{ tenant, url }`'],
    [
      'a tenant that is no text',
      { tenant: 42, url: '/' },
      'an object that is not `{ tenant, url }`',
    ],
    [
      'a URL that is no text',
      { tenant: 'acme', url: 42 },
      'an object that is not `{ tenant, url }`',
    ],
  ]
  for (const [what, resolution, got] of misfits) {
    it(`when it gives ${what}, then a typed error that is no answer to a request says so`, async () => {
      for (const error of [
        thrown(() => find(resolution)),
        await rejection(find(Promise.resolve(resolution)) as Promise<unknown>),
      ]) {
        expect(error).to.include({ name: 'TenantKnexError', code: 'ERR_OPTION_INVALID' })
        expect(error.message).to.equal(
          `The resolver must return a string or undefined, got ${got}.`,
        )
      }
    })
  }

  it('when it gives an id, alone or with the URL for the router, then that is the tenant', async () => {
    for (const resolution of ['acme', { tenant: 'acme' }, { tenant: 'acme', url: '/x' }]) {
      for (const found of [find(resolution), await find(Promise.resolve(resolution))]) {
        expect(found).to.have.nested.property('knex.tenant.id', 'acme')
      }
    }
  })

  it('when it gives null or undefined, then the request names no tenant', () => {
    for (const resolution of [null, undefined]) {
      expect(thrown(() => find(resolution))).to.include({ code: 'ERR_NO_TENANT', status: 404 })
    }
  })
})
