import { expect } from 'chai'
import { fuzz, type StoreKind } from '../../lab/cache-fuzz/fuzz.ts'
import { onEachServer } from '../support/tenants.ts'

const STORES: readonly StoreKind[] = ['memory', 'Redis', 'reordering adapter']

onEachServer('a cache that several users have at a time', (server) => {
  for (const store of STORES) {
    for (const seed of [1, 2]) {
      it(`never gives what is out of date: ${store}, seed ${seed}`, async function () {
        if (store === 'Redis' && !process.env.TENANT_KNEX_REDIS_URL) return this.skip()
        const { stale, reads, transactions } = await fuzz({ server, store, seed, steps: 40 })
        expect(stale).to.deep.equal([])
        expect(reads, 'reads that found something').to.be.greaterThan(30)
        expect(transactions).to.be.greaterThan(10)
      })
    }
  }
})
