import { createClient } from '@keyv/redis'
import { expect } from 'chai'
import { hostLookup, type RedisHostsOptions, redisHosts } from '../../../src/resolve/index.ts'
import { withClockAhead } from '../../support/clock.ts'
import { type OwnRedis, startOwnRedis } from '../../support/own-redis.ts'
import { rejection } from '../../support/tenants.ts'
import { codeOf, requestOf } from './support/requests.ts'

const requestTo = (host: string) => requestOf({ headers: { host } })

describe('redisHosts', () => {
  const url = process.env.TENANT_KNEX_REDIS_URL
  const keyPrefix = `tk-test-${process.pid}-hosts:`

  describe('on Redis', () => {
    const client = createClient({ ...(url && { url }) })
    const key = (host: string): string => keyPrefix + host

    before(async function () {
      if (url === undefined) return this.skip()
      await client.connect()
      await client.set(key('acme.com'), 'acme')
      await client.set(key('empty.com'), '')
      await client.sAdd(key('set.com'), 'acme')
      await client.set(key('xn--bcher-kva.example'), 'bücher')
    })
    after(async () => {
      if (!client.isOpen) return
      const hosts = ['acme.com', 'empty.com', 'set.com', 'xn--bcher-kva.example', 'new.com']
      await client.unlink(hosts.map(key))
      client.destroy()
    })

    it('gives what is there by the host', async () => {
      const lookup = redisHosts(client, { keyPrefix })
      expect(await lookup('acme.com')).to.equal('acme')
      expect(await lookup('missing.com')).to.equal(null)
      expect(await lookup('empty.com')).to.equal(null)
    })

    it('gives text where the client gives bytes', async () => {
      const bytes = { get: async (name: string) => Buffer.from((await client.get(name)) as string) }
      const lookup = redisHosts(bytes, { keyPrefix })
      expect(await lookup('xn--bcher-kva.example')).to.equal('bücher')
    })

    it('resolves requests', async () => {
      const resolve = hostLookup(redisHosts(client, { keyPrefix }))
      expect(await resolve(requestTo('ACME.com:443'))).to.equal('acme')
      expect(await resolve(requestTo('bücher.example'))).to.equal('bücher')
      expect(await resolve(requestTo('new.com'))).to.equal(null)
      await client.set(key('new.com'), 'new')
      resolve.forget('new.com')
      expect(await resolve(requestTo('new.com'))).to.equal('new')
    })

    it('says so where there is something else by the host', async () => {
      const resolve = hostLookup(redisHosts(client, { keyPrefix }))
      const error = await rejection(resolve(requestTo('set.com')) as Promise<unknown>)
      expect(error).to.include({ code: 'ERR_LOOKUP_FAILED' })
      expect(String(error.cause)).to.include('WRONGTYPE')
    })
  })

  describe('on a Redis that goes away', () => {
    let redis: OwnRedis | undefined

    before(async function () {
      redis = await startOwnRedis()
      if (redis === undefined) this.skip()
    })
    after(() => redis?.destroy())

    it('lets requests go on, and those of hosts that were never asked for fail in time', async () => {
      const client = createClient({ url: (redis as OwnRedis).url })
      client.on('error', () => undefined)
      await client.connect()
      await client.set('acme.com', 'acme')
      const resolve = hostLookup(redisHosts(client), { timeoutMillis: 200 })
      expect(await resolve(requestTo('acme.com'))).to.equal('acme')
      for (const down of ['pause', 'kill'] as const) {
        await (redis as OwnRedis)[down]()
        await withClockAhead(down === 'pause' ? 60_000 : 120_000, async () => {
          expect(await resolve(requestTo('acme.com'))).to.equal('acme')
          const error = await rejection(resolve(requestTo(`${down}.com`)) as Promise<unknown>)
          expect(error).to.include({ code: 'ERR_LOOKUP_FAILED' })
        })
      }
      client.destroy()
    })
  })

  for (const [client, options] of [
    [undefined, {}],
    [{}, {}],
    [{ get: async () => null }, null],
    [{ get: async () => null }, { prefix: 'x' }],
    [{ get: async () => null }, { keyPrefix: 42 }],
  ]) {
    it(`does not take ${JSON.stringify([client, options])}`, () => {
      expect(codeOf(() => redisHosts(client as never, options as RedisHostsOptions))).to.equal(
        'ERR_OPTION_INVALID',
      )
    })
  }
})
