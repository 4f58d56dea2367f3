import { AsyncLocalStorage } from 'node:async_hooks'
import { expect } from 'chai'
import { type HostLookupOptions, hostLookup } from '../../../src/resolve/index.ts'
import {
  BAD_HOSTS,
  codeOf,
  hostOutcome,
  outcome,
  requestOf,
} from '../../server/resolve/support/requests.ts'
import { withClockAhead } from '../../support/clock.ts'
import { rejection, thrown } from '../../support/tenants.ts'

const TTL_MILLIS = 60_000
const NEGATIVE_TTL_MILLIS = 5_000
const STALE_MILLIS = 3_600_000

const requestTo = (host: string) => requestOf({ headers: { host } })

describe('hostLookup', () => {
  it('asks once for a host, however it is written, and has it at hand after that', async () => {
    const { resolve, asked } = tableOf({ 'acme.com': 'acme' })
    const hosts = ['acme.com', 'ACME.com:80', 'acme.com.']
    const first = await Promise.all(hosts.map((host) => resolve(requestTo(host))))
    expect(first).to.deep.equal(['acme', 'acme', 'acme'])
    expect(hosts.map((host) => hostOutcome(resolve, host))).to.deep.equal(first)
    expect(asked).to.deep.equal(['acme.com'])
  })

  it('names nobody for a host that is not known, and remembers that for a while', async () => {
    const table: Record<string, string> = {}
    const { resolve, asked } = tableOf(table)
    expect(await resolve(requestTo('acme.com'))).to.equal(null)
    table['acme.com'] = 'acme'
    expect(hostOutcome(resolve, 'acme.com')).to.equal(null)
    await withClockAhead(NEGATIVE_TTL_MILLIS, async () => {
      expect(await resolve(requestTo('acme.com'))).to.equal('acme')
    })
    expect(asked).to.have.length(2)
  })

  it('asks nothing for hosts that are none, nor where there is none', () => {
    const { resolve, asked } = tableOf({})
    for (const host of BAD_HOSTS) {
      expect(hostOutcome(resolve, host), JSON.stringify(host)).to.equal('ERR_REQUEST_INVALID')
    }
    expect(hostOutcome(resolve, ['acme.com', 'acme.com'])).to.equal('ERR_REQUEST_INVALID')
    expect(hostOutcome(resolve, [])).to.equal(null)
    expect(asked).to.deep.equal([])
  })

  it('asks for a forwarded host when told to trust it', async () => {
    const { resolve } = tableOf({ 'acme.com': 'acme' }, { trustForwardedHost: true })
    const request = requestOf({ headers: { host: 'inner', 'x-forwarded-host': 'acme.com' } })
    expect(await resolve(request)).to.equal('acme')
  })

  it('asks anew after forget(), however the host is written', async () => {
    const table = { 'acme.com': 'acme' }
    const { resolve } = tableOf(table)
    await resolve(requestTo('acme.com'))
    table['acme.com'] = 'globex'
    resolve.forget('ACME.com.')
    expect(await resolve(requestTo('acme.com'))).to.equal('globex')
    for (const host of ['..', 42 as never]) {
      const error = thrown(() => resolve.forget(host))
      expect(error.code).to.equal('ERR_OPTION_INVALID')
      expect(error.message).to.contain('`forget` takes a host name: ')
    }
  })

  describe('with a look-up that is down', () => {
    it('at the start, says so, with the host and the cause', async () => {
      const cause = new Error('down')
      const resolve = hostLookup(() => Promise.reject(cause))
      const error = await rejection(resolve(requestTo('acme.com')) as Promise<unknown>)
      expect(error).to.include({ code: 'ERR_LOOKUP_FAILED', outcome: 'not-sent', cause })
      expect(error.message).to.include('"acme.com"')
    })

    it('later, goes on with what it knew, for a while', async () => {
      let isDown = false
      const resolve = hostLookup(async () => {
        if (isDown) throw new Error('down')
        return 'acme'
      })
      await resolve(requestTo('acme.com'))
      isDown = true
      await withClockAhead(TTL_MILLIS, async () => {
        expect(await resolve(requestTo('acme.com'))).to.equal('acme')
        expect(hostOutcome(resolve, 'acme.com')).to.equal('acme')
      })
      await withClockAhead(TTL_MILLIS + STALE_MILLIS, async () => {
        const error = await rejection(resolve(requestTo('acme.com')) as Promise<unknown>)
        expect(error).to.include({ code: 'ERR_LOOKUP_FAILED' })
      })
    })

    it('slow, waits no longer than it may', async () => {
      const resolve = hostLookup(() => new Promise(() => undefined), { timeoutMillis: 20 })
      const error = await rejection(resolve(requestTo('acme.com')) as Promise<unknown>)
      expect(error).to.include({ code: 'ERR_LOOKUP_FAILED' })
      expect(error.message).to.include('within 20 ms')
    })
  })

  for (const rubbish of [42, '', {}, ['acme'], true, Buffer.from('acme')]) {
    it(`says so where the look-up gives ${JSON.stringify(rubbish)}`, async () => {
      const resolve = hostLookup(async () => rubbish as unknown as string)
      const error = await rejection(resolve(requestTo('acme.com')) as Promise<unknown>)
      expect(error).to.include({ code: 'ERR_LOOKUP_FAILED' })
    })
  }

  it('keeps as many hosts as it may, and made-up ones do not push out others', async () => {
    const { resolve, asked } = tableOf({ 'a.com': 'a', 'b.com': 'b', 'c.com': 'c' }, { max: 2 })
    for (const host of ['a.com', 'b.com', 'x.com', 'y.com', 'z.com']) await resolve(requestTo(host))
    expect([hostOutcome(resolve, 'a.com'), hostOutcome(resolve, 'b.com')]).to.deep.equal(['a', 'b'])
    await resolve(requestTo('c.com'))
    await resolve(requestTo('a.com'))
    expect(asked.filter((host) => host === 'a.com')).to.have.length(2)
  })

  it('asks outside the scope of the request', async () => {
    const scope = new AsyncLocalStorage<string>()
    let seen: string | undefined = 'nothing'
    const resolve = hostLookup(async () => {
      seen = scope.getStore()
      return 'acme'
    })
    await scope.run('globex', async () => resolve(requestTo('acme.com')))
    expect(seen).to.equal(undefined)
  })

  it('may be given a function that is not asynchronous', async () => {
    const resolve = hostLookup((host) => host.replace('.com', ''))
    expect(await resolve(requestTo('acme.com'))).to.equal('acme')
    expect(outcome(resolve, { headers: { host: 'acme.com' } })).to.equal('acme')
  })

  for (const [lookup, options] of [
    ['acme', {}],
    [() => null, null],
    [() => null, { ttl: 1 }],
    [() => null, { ttlMillis: -1 }],
    [() => null, { timeoutMillis: 0 }],
    [() => null, { trustForwardedHost: 'yes' }],
  ] as const) {
    it(`does not take ${typeof lookup} and ${JSON.stringify(options)}`, () => {
      expect(codeOf(() => hostLookup(lookup as never, options as HostLookupOptions))).to.equal(
        'ERR_OPTION_INVALID',
      )
    })
  }
})

function tableOf(table: Record<string, string>, options?: HostLookupOptions) {
  const asked: string[] = []
  const lookup = async (host: string): Promise<string | undefined> => {
    asked.push(host)
    return table[host]
  }
  return { resolve: hostLookup(lookup, options), asked }
}
