import type { CacheContract, WithStore } from '../../contract/cache-contract.ts'
import { cacheIsolation } from '../../contract/cache-isolation.ts'
import { cacheLifetime } from '../../contract/cache-lifetime.ts'
import { cacheMethods } from '../../contract/cache-methods.ts'
import { cacheValues } from '../../contract/cache-values.ts'
import { keyvSuite } from '../../contract/keyv-suite.ts'
import { newRoot, withCaches } from './support/caches.ts'
import { onEachStore } from './support/stores.ts'

const CONTRACTS: Readonly<Record<string, CacheContract>> = {
  'as a Keyv': cacheMethods,
  'with values of all types': cacheValues,
  'for a time': cacheLifetime,
  'among hostile tenants': cacheIsolation,
  "in Keyv's own tests": keyvSuite,
}

onEachStore("a tenant's cache", (opened, { expires, lists }) => {
  const withStore: WithStore = (options, test) => {
    const root = options.root ?? newRoot()
    const { store } = opened()
    const own = store === undefined ? { root } : { root, store }
    return withCaches({ ...own, ...options }, (tenantKnex) => test(tenantKnex, root))
  }
  const keys = (start: string): Promise<string[] | undefined> => opened().keys(start)
  for (const [title, contract] of Object.entries(CONTRACTS)) {
    describe(title, () => contract(withStore, { expires, lists, keys }))
  }
})
