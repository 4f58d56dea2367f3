import { expect } from 'chai'
import { type PathSegmentOptions, pathSegment } from '../../../src/resolve/index.ts'
import { codeOf, outcome } from '../../server/resolve/support/requests.ts'

const strip = pathSegment({ strip: true })

describe('pathSegment', () => {
  for (const [url, tenant] of [
    ['/acme', 'acme'],
    ['/acme/', 'acme'],
    ['/acme/orders/7?tenant=globex', 'acme'],
    ['/acme?page=/../2', 'acme'],
    ['/acme#/globex', 'acme'],
    ['/ACME/x', 'ACME'],
    ['/caf%C3%A9/x', 'café'],
    ['/%61cme/x', 'acme'],
    ['/acme%252fx', 'acme%2fx'],
    ['/a+b%20c/x', 'a+b c'],
    ['/acme/.well-known/x', 'acme'],
    ['/acme/...', 'acme'],
    ['/acme/a..b/c.', 'acme'],
  ] as const) {
    it(`names ${tenant} for ${url}`, () => {
      expect(outcome(pathSegment(), { url })).to.equal(tenant)
      expect(outcome(strip, { url })).to.include({ tenant })
    })
  }

  for (const url of ['/', '/?tenant=acme', '//acme', '/#acme']) {
    it(`names nobody for ${url}`, () => {
      expect(outcome(pathSegment(), { url })).to.equal(null)
      expect(outcome(strip, { url })).to.equal(null)
    })
  }

  for (const url of [
    '/acme%2f..',
    '/acme%2F..%2fglobex',
    '/acme%2fglobex',
    '/acme%5cglobex',
    '/acme\\globex',
    '/acme%00',
    '/acme%0d%0aglobex',
    '/acme%7f',
    '/acme%',
    '/acme%2',
    '/acme%zz',
    '/%ff',
    '/%c3',
    '/%ed%a0%80',
    '/..',
    '/.',
    '/../acme',
    '/%2e%2e',
    '/%2E%2e/acme',
    '/.%2e/acme',
    '/acme/..',
    '/acme/../globex',
    '/acme/x/%2e./../globex/orders',
    '/acme/x\\..\\..\\globex',
    '/acme/..%2fglobex',
    '/acme/x%5c..%5c..',
    '/acme/.\t./globex',
    '/acme/./orders',
    '//../acme',
  ]) {
    it(`refuses ${JSON.stringify(url)}`, () => {
      expect(outcome(pathSegment(), { url })).to.equal('ERR_REQUEST_INVALID')
      expect(outcome(strip, { url })).to.equal('ERR_REQUEST_INVALID')
    })
  }

  for (const [url, rest] of [
    ['/acme', '/'],
    ['/acme/', '/'],
    ['/acme?page=2', '/?page=2'],
    ['/acme/?page=2', '/?page=2'],
    ['/acme/orders/7?page=2&q=%2f', '/orders/7?page=2&q=%2f'],
    ['/caf%C3%A9/a%20b', '/a%20b'],
    ['/acme/acme', '/acme'],
    ['/acme?/globex', '/?/globex'],
  ] as const) {
    it(`strips ${url} to ${rest}`, () => {
      expect(outcome(strip, { url })).to.include({ url: rest })
    })
  }

  for (const options of [null, { strip: 1 }, { stripped: true }]) {
    it(`does not take the options ${JSON.stringify(options)}`, () => {
      expect(codeOf(() => pathSegment(options as unknown as PathSegmentOptions))).to.equal(
        'ERR_OPTION_INVALID',
      )
    })
  }
})
