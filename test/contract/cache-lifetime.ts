import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { rejection, until } from '../support/tenants.ts'
import type { CacheContract } from './cache-contract.ts'

/** The lifetime of entries: how long they are kept, which times are refused, and what stays in the store. */
export const cacheLifetime: CacheContract = (withStore, { expires, lists, keys }) => {
  it('forgets a value when its time to live is up, in milliseconds', () =>
    withStore({}, async (tenantKnex, root) => {
      const { cache } = tenantKnex('a')
      await cache.set('k', 1, 40)
      await cache.setMany([{ key: 'l', value: 1, ttl: 40 }])
      await cache.set('stays', 1, 60_000)
      await until('both to expire', async () => !(await cache.hasMany(['k', 'l'])).includes(true))
      expect(await cache.getMany(['k', 'l', 'stays'])).to.deep.equal([undefined, undefined, 1])
      expect(await cache.getRaw('k')).to.equal(undefined)
      expect(await cache.getManyRaw(['l'])).to.deep.equal([undefined])
      expect(await cache.delete('stays')).to.equal(true)
      if (expires) await until('the bytes to go', async () => (await keys(root))?.length === 1)
    }))

  it("gives a value the cache's time to live where it has none of its own", () =>
    withStore({ ttlMillis: 40 }, async (tenantKnex) => {
      const { cache } = tenantKnex('a')
      await cache.set('k', 1)
      await cache.set('zero', 1, 0)
      await cache.set('longer', 1, 60_000)
      await until(
        'both to expire',
        async () => !(await cache.hasMany(['k', 'zero'])).includes(true),
      )
      expect(await cache.get('longer')).to.equal(1)
    }))

  it('takes another default from the `ttl` of a cache, for that tenant', () =>
    withStore({}, async (tenantKnex) => {
      const { cache } = tenantKnex('a')
      cache.ttl = 40
      await cache.set('k', 1)
      await tenantKnex('b').cache.set('k', 1)
      await until('it to expire', async () => !(await cache.has('k')))
      expect(await tenantKnex('b').cache.get('k')).to.equal(1)
    }))

  it('serves no value after its time, even to who would take one for a while', () =>
    withStore({}, async (tenantKnex) => {
      const { cache } = tenantKnex('a')
      await cache.set('k', 'old', 20)
      await sleep(30)
      expect(await cache.remember('k', {}, () => 'new')).to.equal('new')
      await cache.remember('l', { ttlMillis: 10, staleMillis: 10 }, () => 'old')
      await sleep(40)
      const again = await cache.remember('l', { ttlMillis: 10, staleMillis: 10 }, () => 'new')
      expect(again).to.equal('new')
    }))

  for (const ttl of [-1, Number.NaN, Number.POSITIVE_INFINITY, 1e15, '5' as never, 1n as never]) {
    it(`refuses a time to live of ${typeof ttl} ${ttl}`, () =>
      withStore({}, async (tenantKnex) => {
        const { cache } = tenantKnex('a')
        const codes = [
          (await rejection(cache.set('k', 1, ttl))).code,
          (await rejection(cache.setMany([{ key: 'k', value: 1, ttl }]))).code,
          (await rejection(cache.remember('k', { ttlMillis: ttl }, () => 1))).code,
        ]
        expect(codes).to.deep.equal(Array(3).fill('ERR_OPTION_INVALID'))
        expect(await cache.has('k')).to.equal(false)
      }))
  }

  const keysRefused: [string, unknown][] = [
    ['an empty one', ''],
    ['one of 2,049 characters', 'x'.repeat(2_049)],
    ['a lone surrogate', 'x\ud800'],
    ['undefined', undefined],
    ['null', null],
    ['a number', 7],
    ['an object', {}],
  ]
  for (const [title, given] of keysRefused) {
    it(`refuses a key: ${title}`, () =>
      withStore({}, async (tenantKnex) => {
        const { cache } = tenantKnex('a')
        const key = given as string
        const calls = [
          () => cache.get(key),
          () => cache.getRaw(key),
          () => cache.getMany(['k', key]),
          () => cache.getManyRaw([key]),
          () => cache.set(key, 1),
          () => cache.setMany([{ key, value: 1 }]),
          () => cache.delete(key),
          () => cache.deleteMany(['k', key]),
          () => cache.has(key),
          () => cache.hasMany([key]),
          () => cache.remember(key, {}, () => 1),
        ]
        await cache.set('k', 1)
        for (const call of calls) {
          const error = await rejection(call())
          expect(error, String(call)).to.include({ code: 'ERR_CACHE_KEY_INVALID', tenant: 'a' })
        }
        expect(await cache.get('k')).to.equal(1)
      }))
  }

  it('takes a key of 2,048 characters', () =>
    withStore({}, async (tenantKnex) => {
      const { cache } = tenantKnex('a')
      const key = '\u{1f600}'.repeat(1_024)
      await cache.set(key, 1)
      expect(await cache.get(key)).to.equal(1)
    }))

  it('leaves no bytes after purge(), and those of others', () =>
    withStore({}, async (tenantKnex, root) => {
      const { cache } = tenantKnex('a')
      const { cache: other } = tenantKnex('a*')
      await cache.setMany(Array.from({ length: 1_200 }, (_, i) => ({ key: `k${i}`, value: i })))
      await cache.clear() // `purge` must delete what it leaves, too
      await cache.setMany([{ key: 'k', value: 1 }])
      await other.set('k', 2)
      await cache.purge()
      expect(await cache.getMany(['k', 'k1'])).to.deep.equal([undefined, undefined])
      if (lists) expect((await keys(`${root}:{a}`)) ?? []).to.deep.equal([])
      expect(await other.get('k')).to.equal(2)
      await cache.set('k', 3)
      expect(await cache.get('k')).to.equal(3)
    }))
}
