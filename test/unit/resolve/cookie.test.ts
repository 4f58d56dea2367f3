import { expect } from 'chai'
import { cookie } from '../../../src/resolve/index.ts'
import { codeOf, outcome, requestOf } from '../../server/resolve/support/requests.ts'
import { thrown } from '../../support/tenants.ts'

describe('cookie', () => {
  const resolve = cookie('tenant')

  for (const [value, said] of [
    ['tenant=acme', 'acme'],
    ['a=1; tenant=acme; b=2', 'acme'],
    ['a=1;tenant=acme;b', 'acme'],
    ['tenant=caf%C3%A9', 'café'],
    ['tenant=a=b', 'a=b'],
    ['tenant=acme; tenant=acme', 'acme'],
    [['a=1', 'tenant=acme'], 'acme'],
    ['', null],
    [[], null],
    ['tenant', null],
    ['tenant=', null],
    ['xtenant=acme; tenant2=acme; Tenant=acme', null],
    ['a=tenant', null],
    ['tenant=acme; tenant=globex', 'ERR_REQUEST_INVALID'],
    ['tenant=; tenant=globex', 'ERR_REQUEST_INVALID'],
    [['tenant=acme', 'tenant=globex'], 'ERR_REQUEST_INVALID'],
    ['tenant=acme%', 'ERR_REQUEST_INVALID'],
    ['tenant=%ff', 'ERR_REQUEST_INVALID'],
  ] as const) {
    it(`says ${said} for ${JSON.stringify(value)}`, () => {
      expect(outcome(resolve, { headers: { cookie: value } })).to.equal(said)
    })
  }

  it('does not repeat in an error what was sent', () => {
    for (const value of ['tenant=secret; tenant=other', 'tenant=secret%']) {
      const error = thrown(() => resolve(requestOf({ headers: { cookie: value } })))
      expect(error.message).to.include('`tenant`').and.not.include('secret')
    }
  })

  it('finds no names of objects in general', () => {
    expect(outcome(cookie('constructor'), { headers: { cookie: 'x=constructor' } })).to.equal(null)
    expect(outcome(cookie('__proto__'), { headers: { cookie: 'x=__proto__' } })).to.equal(null)
  })

  for (const name of [undefined, '', 'a b', 'a=b', 'a;b', 42]) {
    it(`does not take the name ${JSON.stringify(name)}`, () => {
      expect(codeOf(() => cookie(name as string))).to.equal('ERR_OPTION_INVALID')
    })
  }
})
