import { TenantKnexError } from '../base/errors.ts'
import { WeakValues } from '../base/weak-values.ts'
import { CACHE_DEFAULTS, type ResolvedCacheOptions } from '../options/cache.ts'
import type { Tenant } from '../tenants/tenant.ts'
import { type KeyOwner, sharedKeys, tenantKeys } from './key-space.ts'
import { createStore } from './stores/create-store.ts'
import { type MemoryStats, MemoryStore } from './stores/memory-store.ts'
import { type RunInScope, TenantCache, type TenantCacheSettings } from './tenant-cache.ts'
import type { CacheStore, TenantStore } from './tenant-store.ts'
import { type TransactionLease, TransactionStore } from './transaction-store.ts'
import { DEFAULT_SERIALIZER } from './value-codec.ts'

/** The caches of all tenants, over one store. A cache is created when it is first used. */
export class Caches {
  /** The cache for values that belong to no tenant. */
  readonly shared: TenantCache
  readonly #options: ResolvedCacheOptions
  readonly #store: CacheStore
  readonly #settings: TenantCacheSettings
  readonly #runInTransaction: RunInScope
  readonly #ofTenant = new WeakMap<Tenant, TenantCache>()
  readonly #ownerOf = new WeakValues<Tenant>()
  #isClosed = false
  readonly #checkOpen = (): void => {
    if (this.#isClosed) throw destroyed()
  }

  /**
   * @param runInScope runs the factories of a tenant's cache
   * @param runInTransaction runs the factories of a transaction's cache, which keeps no values
   * @throws `ERR_OPTION_INVALID`
   */
  constructor(
    options: ResolvedCacheOptions,
    runInScope: RunInScope,
    runInTransaction: RunInScope = runInScope,
  ) {
    this.#options = options
    this.#runInTransaction = runInTransaction
    this.#store = createStore(options)
    const { ttlMillis, waitMillis, allowScan, serializer = DEFAULT_SERIALIZER } = options
    this.#settings = {
      ttlMillis,
      waitMillis,
      allowScan,
      serializer,
      runInScope,
      checkOpen: this.#checkOpen,
    }
    const owner = sharedKeys(options.root)
    this.shared = this.#create(owner, this.#store.open(owner), undefined)
  }

  /**
   * A tenant's cache. It stays the same object as long as the tenant's object exists.
   *
   * @throws `ERR_CACHE_PREFIX_INVALID`, `ERR_CACHE_PREFIX_SHARED`
   */
  of(tenant: Tenant): TenantCache {
    const made = this.#ofTenant.get(tenant)
    if (made) return made
    const owner = this.#ownerFor(tenant)
    const cache = this.#create(owner, this.#store.open(owner), tenant)
    this.#ofTenant.set(tenant, cache)
    return cache
  }

  /** The cache that a transaction uses in place of its tenant's cache. */
  inTransaction(
    tenant: Tenant,
    lease: TransactionLease,
  ): { cache: TenantCache; store: TransactionStore } {
    const store = new TransactionStore(this.of(tenant), lease)
    const settings = { ...this.#settings, runInScope: this.#runInTransaction }
    const owner = this.#ownerFor(tenant)
    return { cache: new TenantCache({ owner, store, tenant, settings }), store }
  }

  stats(): MemoryStats | undefined {
    return this.#store instanceof MemoryStore ? this.#store.stats() : undefined
  }

  /** Closes the store. From now on, every call of a cache fails with `ERR_DESTROYED`. */
  close(): Promise<void> {
    this.#isClosed = true
    return this.#store.close()
  }

  #create(owner: KeyOwner, store: TenantStore, tenant: Tenant | undefined): TenantCache {
    return new TenantCache({ owner, store, tenant, settings: this.#settings })
  }

  #ownerFor(tenant: Tenant): KeyOwner {
    const { root, prefix } = this.#options
    const owner = tenantKeys(root, tenant.id, prefix(tenant.id))
    if (prefix === CACHE_DEFAULTS.prefix) return owner // the default gives each tenant its own prefix
    const other = this.#ownerOf.get(owner.prefix)
    if (other === tenant) return owner
    if (other && other.id !== tenant.id) throw sharedPrefix(tenant.id, other.id)
    this.#ownerOf.set(owner.prefix, tenant)
    return owner
  }
}

function destroyed(): TenantKnexError {
  return new TenantKnexError(
    'ERR_DESTROYED',
    'This tenantKnex has been destroyed, and its caches with it. Create a new tenantKnex.',
  )
}

function sharedPrefix(id: string, other: string): TenantKnexError {
  return new TenantKnexError(
    'ERR_CACHE_PREFIX_SHARED',
    `Tenants ${JSON.stringify(id)} and ${JSON.stringify(other)} have the same cache prefix. The ` +
      '`cache.prefix` function must return a different prefix for each tenant.',
    { tenant: id },
  )
}
