import { createClient } from '@keyv/redis'
import { expect } from 'chai'
import type { TenantCache, TenantKnex } from '../../../src/index.ts'
import { seededRandom } from '../../../src/testing/random.ts'
import { until } from '../../support/tenants.ts'
import { newRoot, withCaches } from './support/caches.ts'
import { History } from './support/history.ts'
import { UnorderedAdapter } from './support/unordered-adapter.ts'

const LONG = { ttlMillis: 60_000 }
const url = process.env.TENANT_KNEX_REDIS_URL

/** Two processes, from the view of Redis: each has a client and a memory of its own. */
interface Two {
  readonly one: TenantCache
  readonly two: TenantCache
  readonly redis: ReturnType<typeof createClient>
  readonly epochKey: string
}

const given = (test: (two: Two) => Promise<void>) =>
  async function (this: Mocha.Context): Promise<void> {
    if (!url) return this.skip()
    const options = { store: url, root: newRoot() }
    const redis = await createClient({ url }).connect()
    const both = (first: TenantKnex) =>
      withCaches(options, async (second) => {
        const one = first('a').cache
        await test({
          one,
          two: second('a').cache,
          redis: redis as never,
          epochKey: `${one.prefix}e`,
        })
        await one.purge()
      })
    await withCaches(options, both).finally(() => redis.destroy())
  }

describe('given a cache on Redis that two processes have', () => {
  it(
    'what one has cleared is gone for the other',
    given(async ({ one, two }) => {
      await two.set('k', 1)
      expect(await one.get('k')).to.equal(1)
      await one.clear()
      expect(await two.get('k')).to.equal(undefined)
    }),
  )

  it(
    'what one sets is there, also after the other has cleared',
    given(async ({ one, two }) => {
      await one.set('k', 1)
      await two.clear()
      expect(await one.set('k', 2)).to.equal(true)
      expect(await two.get('k')).to.equal(2)
    }),
  )

  it(
    'a factory that has begun before the clear fills nothing',
    given(async ({ one, two }) => {
      let end: (value: string) => void = () => undefined
      const old = one.remember('k', LONG, () => new Promise<string>((resolve) => (end = resolve)))
      await until('the factory runs', () => end.length > 0)
      await two.clear()
      end('old')
      expect(await old).to.equal('old')
      expect(await one.get('k')).to.equal(undefined)
      expect(await two.get('k')).to.equal(undefined)
    }),
  )

  it(
    'such a factory fills nothing although its process has heard of the clear meanwhile',
    given(async ({ one, two }) => {
      await one.set('other', 1)
      let end: (value: string) => void = () => undefined
      const old = one.remember('k', LONG, () => new Promise<string>((resolve) => (end = resolve)))
      await until('the factory runs', () => end.length > 0)
      await two.clear()
      expect(await one.get('other')).to.equal(undefined)
      end('old')
      await old
      expect(await two.get('k')).to.equal(undefined)
    }),
  )

  it(
    'who asks after the clear does not get what a factory from before it makes',
    given(async ({ one, two }) => {
      let end: (value: string) => void = () => undefined
      const old = one.remember('k', LONG, () => new Promise<string>((resolve) => (end = resolve)))
      await until('the factory runs', () => end.length > 0)
      await two.clear()
      expect(await one.remember('k', LONG, () => 'new')).to.equal('new')
      end('old')
      await old
      expect(await two.get('k')).to.equal('new')
    }),
  )

  it(
    'an epoch that was evicted brings nothing back, and what is set then is there',
    given(async ({ one, two, redis, epochKey }) => {
      await one.set('k', 'old')
      await one.clear()
      await one.set('l', 'kept')
      await redis.del(epochKey)
      expect(await one.getMany(['k', 'l'])).to.deep.equal([undefined, undefined])
      expect(await two.set('l', 'new')).to.equal(true)
      expect(await one.getMany(['k', 'l'])).to.deep.equal([undefined, 'new'])
      expect(await one.set('k', 'new')).to.equal(true)
      expect(await two.get('k')).to.equal('new')
    }),
  )

  it(
    'an epoch that is evicted while a factory runs keeps the value from being kept',
    given(async ({ one, two, redis, epochKey }) => {
      const value = await one.remember('k', LONG, async () => {
        await redis.del(epochKey)
        await two.set('other', 1)
        return 'old'
      })
      expect(value).to.equal('old')
      expect(await two.get('k')).to.equal(undefined)
    }),
  )

  it(
    'two first writers at once agree',
    given(async ({ one, two }) => {
      for (let round = 0; round < 20; round++) {
        const set = await Promise.all([one.set('k', 1), two.set('l', 2), two.set('m', 3)])
        expect(set).to.deep.equal([true, true, true])
        expect(await one.getMany(['k', 'l', 'm'])).to.deep.equal([1, 2, 3])
        await one.purge() // it leaves no epoch
      }
    }),
  )

  it(
    'two that clear at once both have cleared',
    given(async ({ one, two }) => {
      for (let round = 0; round < 20; round++) {
        await Promise.all([one.set('k', round), two.set('l', round)])
        await Promise.all([one.clear(), two.clear()])
        expect(await one.getMany(['k', 'l'])).to.deep.equal([undefined, undefined])
        expect(await two.getMany(['k', 'l'])).to.deep.equal([undefined, undefined])
      }
    }),
  )

  for (const seed of [1, 2, 3]) {
    it(
      `nothing cleared comes back, whatever happens at once (seed ${seed})`,
      given(async ({ one, two, redis, epochKey }) => {
        const evict = () => redis.del(epochKey)
        expect(await wrongReads(seed, [one, two], evict)).to.deep.equal([])
      }),
    )
  }
})

describe('given a cache on an adapter that does what it is asked for in any order', () => {
  for (const seed of [6, 7, 8]) {
    it(`nothing cleared comes back, whatever happens at once (seed ${seed})`, async () => {
      const store = new UnorderedAdapter(seededRandom(seed))
      await withCaches({ store }, (first) =>
        withCaches({ store }, async (second) => {
          const caches = [first('a').cache, second('a').cache]
          const evict = () => store.delete(`${caches[0]?.prefix}e`)
          expect(await wrongReads(seed, caches, evict)).to.deep.equal([])
        }),
      )
    })
  }
})

async function wrongReads(
  seed: number,
  caches: readonly TenantCache[],
  evict: () => Promise<unknown>,
): Promise<unknown[]> {
  const random = seededRandom(seed)
  const history = new History()
  const users = Array.from({ length: 8 }, async (_, user) => {
    for (let step = 0; step < 80; step++) {
      await history.act(caches[user % 2] as TenantCache, random)
      if (user === 0 && step % 20 === 10) await evict()
    }
  })
  await Promise.all(users)
  expect(history.hits, 'reads that found something').to.be.greaterThan(50)
  return history.wrongReads()
}
