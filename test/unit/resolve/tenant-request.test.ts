import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2'
import { type AddressInfo, connect } from 'node:net'
import { expect } from 'chai'
import {
  cookie,
  fetchRequest,
  header,
  nodeRequest,
  pathSegment,
  type Resolver,
  subdomain,
  type TenantRequest,
} from '../../../src/resolve/index.ts'

const byHost = subdomain({ baseDomains: ['example.com'], trustForwardedHost: true })
const byHeader = header('X-Tenant')
const byCookie = cookie('tenant')
const byPath = pathSegment({ strip: true })

describe('a request of Node', () => {
  it('has the path as sent, all values of a header, and the message', () =>
    overHttp1(
      'GET /a%2Fb?c=/d HTTP/1.1\r\nHost: acme.example.com\r\nX-A: 1\r\nx-a: 2\r\nX-Ab: 3\r\n\r\n',
      (request) => {
        expect(request.url).to.equal('/a%2Fb?c=/d')
        expect(request.header('x-a')).to.deep.equal(['1', '2'])
        expect(request.header('host')).to.deep.equal(['acme.example.com'])
        expect(request.header('x-b')).to.deep.equal([])
        expect(request.header(':authority')).to.deep.equal([])
        expect(request.raw).to.have.property('method', 'GET')
      },
    ))

  for (const [what, resolver, lines, said] of [
    ['a host', byHost, 'Host: acme.example.com', 'acme'],
    [
      'the host twice',
      byHost,
      'Host: acme.example.com\r\nHost: acme.example.com',
      'ERR_REQUEST_INVALID',
    ],
    [
      'two hosts',
      byHost,
      'Host: acme.example.com\r\nhost: globex.example.com',
      'ERR_REQUEST_INVALID',
    ],
    [
      'two forwarded hosts',
      byHost,
      'Host: a\r\nX-Forwarded-Host: acme.example.com\r\nX-Forwarded-Host: globex.example.com',
      'ERR_REQUEST_INVALID',
    ],
    [
      'a forwarded list',
      byHost,
      'Host: a\r\nX-Forwarded-Host: acme.example.com, globex.example.com',
      'ERR_REQUEST_INVALID',
    ],
    ['a host with a space', byHost, 'Host: ac me.example.com', 'ERR_REQUEST_INVALID'],
    ['a host with a tab', byHost, 'Host: ac\tme.example.com', 'ERR_REQUEST_INVALID'],
    ['a host of another domain', byHost, 'Host: acme.example.com.evil.net', null],
    ['a host in UTF-8', byHost, 'Host: bücher.example.com', 'xn--bcher-kva'],
    ['an empty host', byHost, 'Host:', null],
    ['a header', byHeader, 'Host: a\r\nx-tenant: acme', 'acme'],
    [
      'a header twice',
      byHeader,
      'Host: a\r\nX-Tenant: acme\r\nx-tenant: globex',
      'ERR_REQUEST_INVALID',
    ],
    ['a cookie', byCookie, 'Host: a\r\nCookie: a=1; tenant=acme', 'acme'],
    [
      'two headers of cookies',
      byCookie,
      'Host: a\r\nCookie: tenant=acme\r\nCookie: tenant=globex',
      'ERR_REQUEST_INVALID',
    ],
  ] as const) {
    it(`over HTTP/1 with ${what} says ${said}`, () =>
      overHttp1(`GET / HTTP/1.1\r\n${lines}\r\n\r\n`, (request) => {
        expect(saidBy(resolver, request)).to.equal(said)
      }))
  }

  for (const [target, said] of [
    ['/acme/orders?x', { tenant: 'acme', url: '/orders?x' }],
    ['/acme%2f..', 'ERR_REQUEST_INVALID'],
    ['/acme/../globex', 'ERR_REQUEST_INVALID'],
    ['/acme\\..\\globex', 'ERR_REQUEST_INVALID'],
    ['//evil.net/acme', null],
    ['http://a/acme/orders?x', { tenant: 'acme', url: '/orders?x' }],
    ['http://a', null],
    ['http://a?acme', null],
  ] as const) {
    it(`over HTTP/1 for ${target} says ${JSON.stringify(said)}`, () =>
      overHttp1(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`, (request) => {
        expect(saidBy(byPath, request)).to.deep.equal(said)
      }))
  }

  it('has a path where the target is none', () =>
    overHttp1('OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n', (request) => {
      expect(request.url).to.equal('/')
    }))

  for (const [host, said] of [
    ['acme.example.com', 'acme'],
    ['globex.example.com', 'ERR_REQUEST_INVALID'],
  ]) {
    it(`with an absolute target and the host ${host} says ${said}`, () =>
      overHttp1(`GET http://acme.example.com/ HTTP/1.1\r\nHost: ${host}\r\n\r\n`, (request) => {
        expect(saidBy(byHost, request)).to.equal(said)
      }))
  }

  for (const [what, headers, said] of [
    ['its authority', {}, 'acme'],
    ['a host that is the same', { host: 'acme.example.com' }, 'acme'],
    ['a host that is another', { host: 'globex.example.com' }, 'ERR_REQUEST_INVALID'],
  ] as const) {
    it(`over HTTP/2 with ${what} says ${said}`, () =>
      overHttp2({ ':path': '/x?y', ':authority': 'acme.example.com', ...headers }, (request) => {
        expect(request.url).to.equal('/x?y')
        expect(saidBy(byHost, request)).to.equal(said)
      }))
  }

  it('over HTTP/2 has all values of a header', () =>
    overHttp2({ 'x-tenant': ['acme', 'globex'] }, (request) => {
      expect(saidBy(byHeader, request)).to.equal('ERR_REQUEST_INVALID')
    }))

  it('may be made up, without raw headers', () => {
    const message = { url: '/a', headers: { host: 'acme.example.com', 'x-tenant': ['a', 'b'] } }
    const request = nodeRequest(message, 'raw')
    expect(saidBy(byHost, request)).to.equal('acme')
    expect(saidBy(byHeader, request)).to.equal('ERR_REQUEST_INVALID')
    expect(request.header('cookie')).to.deep.equal([])
    expect(request.raw).to.equal('raw')
    expect(nodeRequest({ headers: {} }).url).to.equal('/')
  })
})

describe('a request of Fetch', () => {
  const fetched = (url: string, headers: [string, string][] = []): TenantRequest =>
    fetchRequest(new Request(url, { headers }))

  it('has the path and the headers', () => {
    const request = fetched('http://acme.example.com:81/a%2Fb?c#d', [['X-A', '1']])
    expect(request.url).to.equal('/a%2Fb?c')
    expect(request.header('x-a')).to.deep.equal(['1'])
    expect(request.header('x-b')).to.deep.equal([])
    expect(request.raw).to.be.instanceOf(Request)
    expect(fetched('http://a?b').url).to.equal('/?b')
    expect(fetchRequest(new Request('http://a'), 'raw').raw).to.equal('raw')
  })

  it('has the host of the header, else that of the URL', () => {
    expect(saidBy(byHost, fetched('http://acme.example.com:81/'))).to.equal('acme')
    expect(saidBy(byHost, fetched('http://a/', [['host', 'globex.example.com']]))).to.equal(
      'globex',
    )
  })

  it('shows a header that was sent twice', () => {
    const twice = fetched('http://a/', [
      ['x-tenant', 'acme'],
      ['x-tenant', 'globex'],
      ['host', 'acme.example.com'],
      ['host', 'globex.example.com'],
      ['cookie', 'tenant=acme'],
      ['cookie', 'tenant=globex'],
    ])
    for (const resolver of [byHeader, byHost, byCookie]) {
      expect(saidBy(resolver, twice)).to.equal('ERR_REQUEST_INVALID')
    }
  })
})

function saidBy(resolver: Resolver, request: TenantRequest): unknown {
  try {
    return resolver(request) ?? null
  } catch (error) {
    return (error as { code?: string }).code
  }
}

/** Sends bytes to a real server, and returns the request that the server has made of them. */
async function overHttp1(text: string, look: (request: TenantRequest) => void): Promise<void> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  try {
    socket.write(Buffer.from(text))
    const [message] = (await once(server, 'request')) as [IncomingMessage]
    look(nodeRequest(message))
  } finally {
    socket.destroy()
    server.close()
  }
}

async function overHttp2(
  headers: Record<string, string | readonly string[]>,
  look: (request: TenantRequest) => void,
): Promise<void> {
  const server = createHttp2Server().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  try {
    const stream = session.request(headers as Record<string, string | string[]>)
    stream.on('error', () => undefined)
    const [message] = await once(server, 'request')
    look(nodeRequest(message))
  } finally {
    session.destroy()
    server.close()
  }
}
