import { expect } from 'chai'
import { header } from '../../../src/resolve/index.ts'
import { codeOf, outcome, requestOf } from '../../server/resolve/support/requests.ts'
import { thrown } from '../../support/tenants.ts'

describe('header', () => {
  const resolve = header('X-Tenant')

  for (const [value, said] of [
    ['acme', 'acme'],
    ['ACME', 'ACME'],
    ['a b;c', 'a b;c'],
    ['', null],
    [[], null],
    [['acme', 'acme'], 'ERR_REQUEST_INVALID'],
    [['acme', 'globex'], 'ERR_REQUEST_INVALID'],
    ['acme, globex', 'ERR_REQUEST_INVALID'],
    ['acme,', 'ERR_REQUEST_INVALID'],
  ] as const) {
    it(`says ${said} for ${JSON.stringify(value)}`, () => {
      expect(outcome(resolve, { headers: { 'x-tenant': value } })).to.equal(said)
    })
  }

  it('does not repeat in an error what was sent', () => {
    for (const value of [['secret', 'secret'], 'secret,secret']) {
      const error = thrown(() => resolve(requestOf({ headers: { 'x-tenant': value } })))
      expect(error.message).to.include('x-tenant').and.not.include('secret')
      expect(error).to.include({ outcome: 'not-sent' })
    }
  })

  for (const name of [undefined, '', 'x tenant', 'x-tenant:', 42]) {
    it(`does not take the name ${JSON.stringify(name)}`, () => {
      expect(codeOf(() => header(name as string))).to.equal('ERR_OPTION_INVALID')
    })
  }
})
