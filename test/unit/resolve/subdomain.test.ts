import { expect } from 'chai'
import { type SubdomainOptions, subdomain } from '../../../src/resolve/index.ts'
import { BAD_HOSTS, codeOf, hostOutcome, outcome } from '../../server/resolve/support/requests.ts'

describe('subdomain', () => {
  const resolve = subdomain({ baseDomains: ['example.com', 'eu.example.com', 'localhost'] })

  for (const [host, tenant] of [
    ['acme.example.com', 'acme'],
    ['ACME.Example.COM', 'acme'],
    ['acme.example.com.', 'acme'],
    ['acme.example.com:8080', 'acme'],
    ['acme.localhost:3000', 'acme'],
    ['acme.eu.example.com', 'acme'],
    ['bücher.example.com', 'xn--bcher-kva'],
    ['xn--bcher-kva.example.com', 'xn--bcher-kva'],
  ] as const) {
    it(`names ${tenant} for ${host}`, () => {
      expect(hostOutcome(resolve, host)).to.equal(tenant)
    })
  }

  for (const host of [
    'example.com',
    'eu.example.com',
    'localhost',
    'www.example.com',
    'WWW.example.com',
    'a.acme.example.com',
    'acme.example.com.evil.net',
    'acmeexample.com',
    'acme.example.org',
    'ACME',
    'com',
    '127.0.0.1',
    '[::1]:8080',
    '',
    [],
  ] as const) {
    it(`names nobody for ${JSON.stringify(host)}`, () => {
      expect(hostOutcome(resolve, host)).to.equal(null)
    })
  }

  it('refuses hosts that are none, whatever they are below', () => {
    for (const host of BAD_HOSTS) {
      expect(hostOutcome(resolve, host), JSON.stringify(host)).to.equal('ERR_REQUEST_INVALID')
    }
  })

  it('refuses two hosts, even of one name', () => {
    for (const host of [
      ['acme.example.com', 'globex.example.com'],
      ['acme.example.com', 'acme.example.com'],
    ]) {
      expect(hostOutcome(resolve, host)).to.equal('ERR_REQUEST_INVALID')
    }
  })

  it('ignores other labels where it is told to', () => {
    const other = subdomain({ baseDomains: ['example.com'], ignore: ['API', 'static'] })
    const hosts = ['api.example.com', 'static.example.com', 'www.example.com']
    expect(hosts.map((host) => hostOutcome(other, host))).to.deep.equal([null, null, 'www'])
  })

  it('reads its base domains as it reads hosts', () => {
    const other = subdomain({ baseDomains: ['Example.COM.', 'bücher.example'] })
    expect(hostOutcome(other, 'acme.example.com')).to.equal('acme')
    expect(hostOutcome(other, 'acme.xn--bcher-kva.example')).to.equal('acme')
  })

  describe('and a forwarded host', () => {
    const headers = { host: 'acme.example.com', 'x-forwarded-host': 'globex.example.com' }
    const trusting = subdomain({ baseDomains: ['example.com'], trustForwardedHost: true })

    it('does not trust it of itself', () => {
      expect(outcome(resolve, { headers })).to.equal('acme')
      const bad = { ...headers, 'x-forwarded-host': ['a', '..'] }
      expect(outcome(resolve, { headers: bad })).to.equal('acme')
    })

    it('trusts it when told to', () => {
      expect(outcome(trusting, { headers })).to.equal('globex')
    })

    it('takes the host where there is none', () => {
      expect(outcome(trusting, { headers: { host: headers.host } })).to.equal('acme')
    })

    for (const forwarded of [
      ['globex.example.com', 'globex.example.com'],
      'acme.example.com, globex.example.com',
      '..',
    ]) {
      it(`refuses ${JSON.stringify(forwarded)}`, () => {
        expect(
          outcome(trusting, { headers: { ...headers, 'x-forwarded-host': forwarded } }),
        ).to.equal('ERR_REQUEST_INVALID')
      })
    }
  })

  for (const options of [
    undefined,
    {},
    { baseDomains: [] },
    { baseDomains: 'example.com' },
    { baseDomains: [42] },
    { baseDomains: [''] },
    { baseDomains: ['.example.com'] },
    { baseDomains: ['*.example.com'] },
    { baseDomains: ['example.com:3000'] },
    { baseDomains: ['https://example.com'] },
    { baseDomains: ['127.0.0.1'] },
    { baseDomains: ['[::1]'] },
    { baseDomains: ['example.com'], ignore: 'www' },
    { baseDomains: ['example.com'], ignore: [''] },
    { baseDomains: ['example.com'], ignored: ['www'] },
    { baseDomains: ['example.com'], trustForwardedHost: 'yes' },
  ]) {
    it(`does not take the options ${JSON.stringify(options)}`, () => {
      expect(codeOf(() => subdomain(options as SubdomainOptions))).to.equal('ERR_OPTION_INVALID')
    })
  }
})
