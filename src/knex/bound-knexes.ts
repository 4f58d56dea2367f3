import { createLRU } from 'lru.min'
import { WeakValues } from '../base/weak-values.ts'
import type { TenantDirectory } from '../tenants/directory.ts'
import type { Tenant } from '../tenants/tenant.ts'
import type { BoundKnex } from './bound-knex.ts'

/** How many bound Knexes are kept even if no other code holds them. */
const KEPT = 1_000

/** The parts that the registry needs. */
export interface BoundKnexesOptions {
  readonly tenants: TenantDirectory
  readonly bind: (tenant: Tenant) => BoundKnex
}

/**
 * One bound Knex for each tenant. It is the same object as long as any code holds it, because libraries store
 * data about a Knex on the object. The most recently used ones are always held, the others only while user
 * code holds them. So ids from requests do not fill the memory.
 */
export class BoundKnexes {
  readonly #options: BoundKnexesOptions
  readonly #recent = createLRU<string, BoundKnex>({ max: KEPT })
  readonly #alive = new WeakValues<BoundKnex>()

  constructor(options: BoundKnexesOptions) {
    this.#options = options
  }

  /** How many bound Knexes exist. */
  get size(): number {
    return this.#alive.size
  }

  /**
   * The bound Knex of a tenant.
   *
   * @throws errors of `TenantDirectory.get`
   */
  get(tenantId: string): BoundKnex {
    return this.#recent.get(tenantId) ?? this.#revive(tenantId) ?? this.#create(tenantId)
  }

  /** Drops the registry's own reference to a tenant's Knex. */
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
