import { expect } from 'chai'
import { type DomainOptions, domain } from '../../../src/resolve/index.ts'
import { BAD_HOSTS, codeOf, hostOutcome, outcome } from '../../server/resolve/support/requests.ts'
import { thrown } from '../../support/tenants.ts'

describe('domain', () => {
  it('names the host where nothing else is said', () => {
    const resolve = domain()
    expect(hostOutcome(resolve, 'Shop.Acme.COM.:443')).to.equal('shop.acme.com')
    expect(hostOutcome(resolve, '[::1]:80')).to.equal('[::1]')
    expect(hostOutcome(resolve, [])).to.equal(null)
    expect(hostOutcome(resolve, 'acme.example.com.evil.net')).to.equal('acme.example.com.evil.net')
  })

  it('refuses hosts that are none', () => {
    for (const host of BAD_HOSTS) {
      expect(hostOutcome(domain(), host), JSON.stringify(host)).to.equal('ERR_REQUEST_INVALID')
    }
  })

  for (const [kind, tenants] of [
    ['an object', { 'Shop.Acme.com': 'acme', 'bücher.example': 'books' }],
    [
      'a Map',
      new Map([
        ['shop.acme.com.', 'acme'],
        ['xn--bcher-kva.example', 'books'],
      ]),
    ],
    [
      'a function',
      (host: string) => ({ 'shop.acme.com': 'acme', 'xn--bcher-kva.example': 'books' })[host],
    ],
  ] as const) {
    it(`names whose the host is by ${kind}`, () => {
      const resolve = domain({ tenants })
      expect(hostOutcome(resolve, 'SHOP.acme.com:80')).to.equal('acme')
      expect(hostOutcome(resolve, 'bücher.example')).to.equal('books')
      expect(hostOutcome(resolve, 'globex.net')).to.equal(null)
    })
  }

  it('finds no names of objects in general', () => {
    const resolve = domain({ tenants: { 'shop.acme.com': 'acme' } })
    for (const host of ['constructor', 'tostring', '__proto__', 'hasownproperty']) {
      expect(hostOutcome(resolve, host)).to.equal(null)
    }
  })

  it('copies an object and a Map', () => {
    const tenants = new Map([['acme.com', 'acme']])
    const resolve = domain({ tenants })
    tenants.set('acme.com', 'globex')
    expect(hostOutcome(resolve, 'acme.com')).to.equal('acme')
  })

  it('names an option that it does not know', () => {
    const options = { tenant: {} } as unknown as DomainOptions
    expect(thrown(() => domain(options)).message).to.contain('Unknown option `tenant`.')
  })

  it('trusts a forwarded host when told to', () => {
    const headers = { host: 'inner', 'x-forwarded-host': 'acme.com' }
    expect(outcome(domain(), { headers })).to.equal('inner')
    expect(outcome(domain({ trustForwardedHost: true }), { headers })).to.equal('acme.com')
  })

  for (const rubbish of [42, '', {}, [], true, Promise.resolve('acme')]) {
    it(`says so where the function gives ${JSON.stringify(rubbish)}`, () => {
      const tenants = (() => rubbish) as unknown as () => string
      expect(hostOutcome(domain({ tenants }), 'acme.com')).to.equal('ERR_LOOKUP_FAILED')
    })
  }

  it('lets through what the function throws', () => {
    const error = new Error('mine')
    const tenants = (): never => {
      throw error
    }
    expect(() => hostOutcome(domain({ tenants }), 'acme.com')).to.not.throw()
    expect(() =>
      domain({ tenants })({ url: '/', header: () => ['acme.com'], raw: undefined }),
    ).to.throw(error)
  })

  for (const options of [
    null,
    { tenant: {} },
    { tenants: 'acme' },
    { tenants: ['acme.com'] },
    { tenants: { 'acme.com': '' } },
    { tenants: { 'acme.com': 42 } },
    { tenants: { 'acme.com:80': 'acme' } },
    { tenants: { '*.acme.com': 'acme' } },
    { tenants: { 'acme.com': 'acme', 'ACME.com': 'globex' } },
    { tenants: new Map([[42, 'acme']]) },
    { trustForwardedHost: 1 },
  ]) {
    it(`does not take the options ${JSON.stringify(options)}`, () => {
      expect(codeOf(() => domain(options as unknown as DomainOptions))).to.equal(
        'ERR_OPTION_INVALID',
      )
    })
  }
})
