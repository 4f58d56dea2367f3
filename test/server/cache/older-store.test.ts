import { createClient } from '@keyv/redis'
import { expect } from 'chai'
import { tenantKeys } from '../../../src/cache/key-space.ts'
import { EpochStore } from '../../../src/cache/stores/epoch-store.ts'
import { KeyvStore } from '../../../src/cache/stores/keyv-store.ts'
import type { TenantCache } from '../../../src/index.ts'
import { newRoot, withCaches } from './support/caches.ts'

const url = process.env.TENANT_KNEX_REDIS_URL

/** Takes the contents of a Redis and puts them back later, like a restart from a snapshot. */
interface World {
  readonly one: TenantCache
  readonly two: TenantCache
  snapshot(): Promise<() => Promise<void>>
}

const given = (test: (world: World) => Promise<void>) =>
  async function (this: Mocha.Context): Promise<void> {
    if (!url) return this.skip()
    const root = newRoot()
    const redis = await createClient({ url }).connect()
    const snapshot = async () => {
      const keys = await redis.keys(`${root}*`)
      const texts = await Promise.all(keys.map((key) => redis.get(key)))
      return async () => {
        for (const [index, key] of keys.entries()) await redis.set(key, texts[index] ?? '')
      }
    }
    await withCaches({ store: url, root }, (first) =>
      withCaches({ store: url, root }, async (second) => {
        await test({ one: first('a').cache, two: second('a').cache, snapshot })
        await first('a').cache.purge()
      }),
    ).finally(() => redis.destroy())
  }

describe('given a Redis that is set back to what it had before', () => {
  const clears: [string, (world: World) => Promise<unknown>][] = [
    ['cleared', ({ one }) => one.clear()],
    ['cleared several times', async ({ one }) => [await one.clear(), await one.clear()]],
    ['purged', ({ one }) => one.purge()],
    ['cleared and filled again', async ({ one }) => [await one.clear(), await one.set('k', 'new')]],
    [
      'seen that another had cleared',
      async ({ one, two }) => [await two.clear(), await one.get('k')],
    ],
  ]
  for (const [title, clear] of clears) {
    it(
      `then a process that has ${title} does not read what was there`,
      given(async (world) => {
        const { one, two } = world
        await one.set('k', 'old')
        await two.set('l', 'old')
        const restore = await world.snapshot()
        await clear(world)
        await restore()
        expect(await one.getMany(['k', 'l'])).to.deep.equal([undefined, undefined])
        expect(await one.remember('k', { ttlMillis: 60_000 }, () => 'new')).to.equal('new')
        expect(await one.getMany(['k', 'l'])).to.deep.equal(['new', undefined])
        expect(await two.getMany(['k', 'l']), 'by then for all').to.deep.equal(['new', undefined])
        expect(await two.set('l', 'new')).to.equal(true)
        expect(await one.get('l')).to.equal('new')
      }),
    )
  }

  it('then it is known also if the cache of the tenant was made anew', async () => {
    const map = new Map<string, string>()
    const store = new EpochStore(new KeyvStore(map))
    const open = () => store.open(tenantKeys('r', 'a', 'a'))
    const entry = { key: 'k', text: '1', expires: Number.MAX_SAFE_INTEGER, keepMillis: 60_000 }
    await open().set([entry])
    const before = [...map]
    expect(await open().get('k')).to.include({ text: '1' })
    await open().clear()
    for (const [key, text] of before) map.set(key, text)
    expect(await open().get('k')).to.equal(undefined)
  })
})
