import { expect } from 'chai'
import type { CacheOptions } from '../../../src/index.ts'
import { rejection } from '../../support/tenants.ts'
import { newRoot, withCaches } from './support/caches.ts'

const stores: [string, () => CacheOptions][] = [
  ['in this process', () => ({})],
  ['on an adapter', () => ({ store: new Map() })],
  ['on Redis', () => ({ store: process.env.TENANT_KNEX_REDIS_URL as string, root: newRoot() })],
]

for (const [where, options] of stores) {
  describe(`given a cache ${where} whose tenantKnex was destroyed`, () => {
    it('whatever is asked fails and says why', async function () {
      if (where === 'on Redis' && !process.env.TENANT_KNEX_REDIS_URL) return this.skip()
      await withCaches({ ...options(), allowScan: true }, async (tenantKnex) => {
        const { cache } = tenantKnex('a')
        const caches = [() => cache, () => tenantKnex('b').cache, () => tenantKnex.sharedCache]
        await cache.set('k', 1)
        await tenantKnex.destroy()
        for (const cache of caches) {
          const calls = [
            cache().get('k'),
            cache().getMany(['k']),
            cache().getRaw('k'),
            cache().getManyRaw(['k']),
            cache().has('k'),
            cache().hasMany(['k']),
            cache().set('k', 1),
            cache().setMany([{ key: 'k', value: 1 }]),
            cache().delete('k'),
            cache().deleteMany(['k']),
            cache().clear(),
            cache().purge(),
            cache().remember('k', {}, () => 1),
            cache().iterator?.(undefined).next(),
          ]
          for (const call of calls) {
            expect((await rejection(call as Promise<unknown>)).code).to.equal('ERR_DESTROYED')
          }
        }
      })
    })
  })
}
