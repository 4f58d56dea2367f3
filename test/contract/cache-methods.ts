import { expect } from 'chai'
import { Keyv, KeyvHooks } from 'keyv'
import { rejection } from '../support/tenants.ts'
import type { CacheContract } from './cache-contract.ts'

/** A tenant's cache does the same as a Keyv. */
export const cacheMethods: CacheContract = (withStore, { lists }) => {
  it('is a Keyv', () =>
    withStore({}, async (tenantKnex) => {
      const cache: Keyv = tenantKnex('a').cache
      expect(cache).to.be.instanceOf(Keyv)
      expect(tenantKnex('a').cache).to.equal(cache)
    }))

  it('gets what was set, alone and many at a time', () =>
    withStore({}, async (tenantKnex) => {
      const { cache } = tenantKnex('a')
      expect(await cache.set('k', 1)).to.equal(true)
      expect(await cache.setMany([pair('m', 2), pair('n', 3)])).to.deep.equal([true, true])
      expect(await cache.get('k')).to.equal(1)
      expect(await cache.getMany(['n', 'none', 'k'])).to.deep.equal([3, undefined, 1])
      expect(await cache.get(['m', 'none'])).to.deep.equal([2, undefined])
      expect(await cache.getMany([])).to.deep.equal([])
    }))

  it('gets raw what was set, with the time at which it expires', () =>
    withStore({}, async (tenantKnex) => {
      const { cache } = tenantKnex('a')
      const before = Date.now()
      await cache.set('k', 1, 60_000)
      const raw = await cache.getRaw('k')
      expect(raw?.value).to.equal(1)
      expect(raw?.expires).to.be.within(before + 60_000, Date.now() + 60_000)
      expect(await cache.get('k', { raw: true })).to.deep.equal(raw)
      expect(await cache.getManyRaw(['k', 'none'])).to.deep.equal([raw, undefined])
      expect(await cache.getRaw('none')).to.equal(undefined)
    }))

  it('overwrites', () =>
    withStore({}, async (tenantKnex) => {
      const { cache } = tenantKnex('a')
      await cache.set('k', 'old')
      await cache.set('k', 'new')
      await cache.setMany([pair('k', 'newer')])
      expect(await cache.get('k')).to.equal('newer')
    }))

  it('deletes, and says whether all were there', () =>
    withStore({}, async (tenantKnex) => {
      const { cache } = tenantKnex('a')
      await cache.setMany(['k', 'l', 'm', 'n'].map((key) => pair(key, 1)))
      expect(await cache.delete('k')).to.equal(true)
      expect(await cache.delete('k')).to.equal(false)
      expect(await cache.deleteMany(['l', 'm'])).to.equal(true)
      expect(await cache.delete(['n', 'none'])).to.equal(false)
      expect(await cache.getMany(['k', 'l', 'm', 'n'])).to.deep.equal(Array(4).fill(undefined))
      expect(await cache.deleteMany([])).to.equal(true)
    }))

  it('says what it has', () =>
    withStore({}, async (tenantKnex) => {
      const { cache } = tenantKnex('a')
      await cache.set('k', 0)
      expect(await cache.has('k')).to.equal(true)
      expect(await cache.has('none')).to.equal(false)
      expect(await cache.hasMany(['none', 'k'])).to.deep.equal([false, true])
      expect(await cache.has(['k', 'none'])).to.deep.equal([true, false])
      expect(await cache.hasMany([])).to.deep.equal([])
    }))

  it('has nothing after clear(), and takes new values', () =>
    withStore({}, async (tenantKnex) => {
      const { cache } = tenantKnex('a')
      await cache.setMany([pair('k', 1), pair('l', 1)])
      expect(await cache.clear()).to.equal(undefined)
      expect(await cache.getMany(['k', 'l'])).to.deep.equal([undefined, undefined])
      expect(await cache.hasMany(['k', 'l'])).to.deep.equal([false, false])
      expect(await cache.delete('k')).to.equal(false)
      await cache.set('k', 2)
      expect(await cache.get('k')).to.equal(2)
    }))

  it('counts as a Keyv does', () =>
    withStore({}, async (tenantKnex) => {
      const { cache } = tenantKnex('a')
      await cache.set('k', 1)
      await cache.get('k')
      await cache.get('none')
      await cache.delete('k')
      const { hits, misses, sets, deletes, errors } = cache.stats
      expect({ hits, misses, sets, deletes, errors }).to.deep.equal({
        ...{ hits: 1, misses: 1, sets: 1, deletes: 1, errors: 0 },
      })
      expect(tenantKnex('b').cache.stats.sets).to.equal(0)
    }))

  it('runs hooks with the keys that it was given', () =>
    withStore({}, async (tenantKnex) => {
      const { cache } = tenantKnex('a')
      const seen: [string, unknown][] = []
      for (const hook of [KeyvHooks.PRE_SET, KeyvHooks.PRE_GET, KeyvHooks.PRE_DELETE]) {
        cache.hooks.addHandler(hook, ({ key }) => seen.push([hook, key]))
      }
      cache.hooks.addHandler(KeyvHooks.POST_GET, ({ value }) => seen.push(['value', value.value]))
      await cache.set('k', 1)
      await cache.get('k')
      await cache.delete('k')
      expect(seen).to.deep.equal([
        ...[['preSet', 'k'] as const, ['preGet', 'k'] as const, ['value', 1] as const],
        ['preDelete', 'k'],
      ])
    }))

  it('lets a hook change the key, inside of the tenant only', () =>
    withStore({}, async (tenantKnex) => {
      const { cache } = tenantKnex('a')
      const other = tenantKnex('b').cache.prefix
      cache.hooks.addHandler(KeyvHooks.PRE_SET, (data) => {
        data.key = `${other}k:${data.key}`
      })
      await cache.set('k', 'of a')
      expect(await cache.get(`${other}k:k`)).to.equal('of a')
      expect(await tenantKnex('b').cache.get('k')).to.equal(undefined)
    }))

  it('tells of clear, disconnect and errors, its own listeners only', () =>
    withStore({}, async (tenantKnex) => {
      const { cache } = tenantKnex('a')
      const events: string[] = []
      for (const event of ['clear', 'disconnect', 'error']) {
        cache.on(event, () => events.push(event))
        tenantKnex('b').cache.on(event, () => events.push(`${event} of b`))
      }
      await cache.clear()
      await cache.disconnect()
      await rejection(cache.set('k', 1n))
      expect(events).to.deep.equal(['clear', 'disconnect', 'error'])
    }))

  it('goes on after disconnect(): the store is not its own', () =>
    withStore({}, async (tenantKnex) => {
      const { cache } = tenantKnex('a')
      await cache.set('k', 1)
      await cache.disconnect()
      expect(await cache.get('k')).to.equal(1)
      expect(await tenantKnex('b').cache.set('k', 2)).to.equal(true)
    }))

  it('refuses iterator() unless it was agreed to', () =>
    withStore({}, async (tenantKnex) => {
      const { cache } = tenantKnex('a')
      const error = await rejection((async () => cache.iterator?.({}))())
      expect(error).to.include({ code: 'ERR_CACHE_SCAN_REFUSED', tenant: 'a' })
    }))

  it('lists its own entries where it was agreed to', () =>
    withStore({ allowScan: true }, async (tenantKnex) => {
      const { cache } = tenantKnex('a')
      await cache.setMany([pair('k', 1), pair('l', [2]), pair('m', 3)])
      await cache.delete('m')
      await tenantKnex('ab').cache.set('k', 'of ab')
      await tenantKnex.sharedCache.set('k', 'shared')
      const found = await entriesOf(cache)
      const there: [string, unknown][] = [
        ['k', 1],
        ['l', [2]],
      ]
      expect(found).to.deep.equal(lists ? there : [])
      await cache.clear()
      expect(await entriesOf(cache)).to.deep.equal([])
    }))
}

/** One entry for `setMany`. */
function pair(key: string, value: unknown): { key: string; value: unknown } {
  return { key, value }
}

async function entriesOf(cache: Keyv): Promise<[string, unknown][]> {
  const found: [string, unknown][] = []
  for await (const [key, value] of cache.iterator?.({}) ?? []) found.push([key, value])
  return found.sort(([a], [b]) => (a < b ? -1 : 1))
}
