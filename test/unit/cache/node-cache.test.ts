import { expect } from 'chai'
import NodeCache from 'node-cache'
import { withCaches } from '../../server/cache/support/caches.ts'

describe('caches on node-cache', () => {
  it('that is full refuse what is new, and go on with what is there', () =>
    withCaches({ store: new NodeCache({ maxKeys: 3 }) }, async (tenantKnex) => {
      const { cache } = tenantKnex('a')
      const errors: unknown[] = []
      cache.on('error', (error) => errors.push(error.code))
      await cache.set('k', 1)
      await cache.set('l', 1)
      for (let i = 0; i < 3; i++) expect(await cache.set(`more${i}`, 1)).to.equal(false)
      expect(errors).to.deep.equal(Array(3).fill('ERR_CACHE_UNAVAILABLE'))
      const many = Array.from({ length: 20 }, (_, i) => ({ key: `many${i}`, value: 1 }))
      expect(await cache.setMany(many)).to.deep.equal(Array(20).fill(false))
      const others = Array.from({ length: 10 }, (_, i) => tenantKnex(`t${i}`).cache.set('k', 1))
      expect(await Promise.all(others)).to.deep.equal(Array(10).fill(false))
      expect(await cache.getMany(['k', 'l', 'more1'])).to.deep.equal([1, 1, undefined])
    }))

  it('that is full can be overwritten and cleared', () =>
    withCaches({ store: new NodeCache({ maxKeys: 2 }) }, async (tenantKnex) => {
      const { cache } = tenantKnex('a')
      await cache.set('k', 1)
      expect(await cache.set('k', 2)).to.equal(true)
      expect(await cache.get('k')).to.equal(2)
      await cache.clear()
      expect(await cache.get('k')).to.equal(undefined)
    }))

  it('leave what is not theirs alone', async () => {
    const store = new NodeCache({ stdTTL: 100 })
    store.set('of the application', 1)
    await withCaches({ store }, async (tenantKnex) => {
      await tenantKnex('a').cache.set('k', 1)
      await tenantKnex('a').cache.purge()
    })
    expect(store.keys()).to.deep.equal(['of the application'])
    expect(store.get('of the application')).to.equal(1)
  })

  it("give the epoch no end, whatever the application's own default", () => {
    const store = new NodeCache({ stdTTL: 100 })
    return withCaches({ store, root: 'r' }, async (tenantKnex) => {
      await tenantKnex('a').cache.set('k', 1, 5_000)
      expect(store.getTtl('r:{a}:e')).to.equal(0)
      expect(store.getTtl('r:{a}:k:k')).to.be.within(Date.now() + 1, Date.now() + 5_000)
    })
  })
})
