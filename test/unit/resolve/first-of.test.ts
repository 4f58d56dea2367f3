import { expect } from 'chai'
import {
  firstOf,
  header,
  pathSegment,
  type Resolver,
  subdomain,
} from '../../../src/resolve/index.ts'
import { codeOf, outcome, rejectedCode, requestOf } from '../../server/resolve/support/requests.ts'
import { thrown } from '../../support/tenants.ts'

const nobody: Resolver = () => undefined
const nobodyLater: Resolver = async () => null
const acmeLater: Resolver = async () => 'acme'
const unasked: Resolver = () => {
  throw new Error('must not be asked')
}

describe('firstOf', () => {
  it('names the tenant of the first that names one, without a promise', () => {
    const resolve = firstOf(
      header('x-tenant'),
      subdomain({ baseDomains: ['example.com'] }),
      pathSegment({ strip: true }),
    )
    const host = 'acme.example.com'
    expect(outcome(resolve, { headers: { host, 'x-tenant': 'globex' } })).to.equal('globex')
    expect(outcome(resolve, { headers: { host }, url: '/initech' })).to.equal('acme')
    expect(outcome(resolve, { url: '/initech/x' })).to.deep.equal({ tenant: 'initech', url: '/x' })
    expect(outcome(resolve, {})).to.equal(null)
  })

  it('does not ask those after it', async () => {
    expect(
      outcome(
        firstOf(() => 'acme', unasked),
        {},
      ),
    ).to.equal('acme')
    expect(await firstOf(nobody, acmeLater, unasked)(requestOf({}))).to.equal('acme')
  })

  it('waits for those that take their time', async () => {
    const later = (...resolvers: Resolver[]) => firstOf(...resolvers)(requestOf({}))
    expect(await later(nobodyLater, nobody, acmeLater)).to.equal('acme')
    expect(await later(nobody, nobodyLater, () => 'globex', acmeLater)).to.equal('globex')
    expect(await later(nobodyLater, nobodyLater)).to.equal(null)
  })

  it('does not go on where one fails', async () => {
    const twice = { headers: { 'x-tenant': ['a', 'b'] } }
    const resolve = firstOf(header('x-tenant'), () => 'acme')
    expect(outcome(resolve, twice)).to.equal('ERR_REQUEST_INVALID')
    const later = firstOf(nobodyLater, header('x-tenant'), () => 'acme')
    expect(await rejectedCode(later(requestOf(twice)))).to.equal('ERR_REQUEST_INVALID')
    const rejecting = firstOf(() => Promise.reject(new Error('mine')), unasked)
    expect(await Promise.resolve(rejecting(requestOf({}))).catch(String)).to.equal('Error: mine')
  })

  it('takes functions, at least one', () => {
    expect(codeOf(() => firstOf())).to.equal('ERR_OPTION_INVALID')
    expect(codeOf(() => firstOf(nobody, 'acme' as never))).to.equal('ERR_OPTION_INVALID')
    for (const list of [[nobody, unasked], []]) {
      const error = thrown(() => firstOf(list as never))
      expect(error.code).to.equal('ERR_OPTION_INVALID')
      expect(error.message)
        .to.match(/^Pass the resolvers one by one, not as an array/)
        .and.not.include('=>')
    }
  })
})
