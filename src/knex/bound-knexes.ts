import { createLRU } from 'lru.min'
import { WeakValues } from '../base/weak-values.ts'
import type { TenantDirectory } from '../tenants/directory.ts'
import type { Tenant } from '../tenants/tenant.ts'
import type { BoundKnex } from './bound-knex.ts'

/** Bound Knexes that are kept although nobody else holds them. */
const KEPT = 1_000

/** How the registry makes what it keeps. */
export interface BoundKnexesOptions {
  readonly tenants: TenantDirectory
  readonly bind: (tenant: Tenant) => BoundKnex
}

/**
 * One bound Knex for each tenant, the same object every time as long as anyone holds it: libraries
 * keep what they know of a Knex on the object. Those used last are held; the others only while user
 * code holds them, so that ids from anywhere do not fill the memory.
 */
export class BoundKnexes {
  readonly #options: BoundKnexesOptions
  readonly #recent = createLRU<string, BoundKnex>({ max: KEPT })
  readonly #alive = new WeakValues<BoundKnex>()

  constructor(options: BoundKnexesOptions) {
    this.#options = options
  }

  /** Bound Knexes that exist. */
  get size(): number {
    return this.#alive.size
  }

  /**
   * The bound Knex of a tenant.
   *
   * @throws what `TenantDirectory.get` throws
   */
  get(tenantId: string): BoundKnex {
    return this.#recent.get(tenantId) ?? this.#revive(tenantId) ?? this.#create(tenantId)
  }

  /** Holds a tenant's Knex no longer than others do. */
  forget(tenantId: string): void {
    this.#recent.delete(tenantId)
  }

  #revive(tenantId: string): BoundKnex | undefined {
    const bound = this.#alive.get(tenantId)
    if (bound) this.#recent.set(tenantId, bound)
    return bound
  }

  #create(tenantId: string): BoundKnex {
    const bound = this.#options.bind(this.#options.tenants.get(tenantId))
    this.#recent.set(tenantId, bound)
    this.#alive.set(tenantId, bound)
    return bound
  }
}
