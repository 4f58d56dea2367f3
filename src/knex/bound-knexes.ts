import { createLRU } from 'lru.min'
import { TenantKnexError } from '../errors.ts'
import { checkDatabaseName, checkTenantId, type Tenant } from '../identifiers.ts'
import type { BoundKnex } from './bound-knex.ts'

/** Bound Knexes that are kept although nobody else holds them. */
const KEPT = 1_000

/** How the registry makes what it keeps. */
export interface BoundKnexesOptions {
  readonly database: (tenantId: string) => string
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
  readonly #alive = new Map<string, WeakRef<BoundKnex>>()
  readonly #tenants = new Map<string, WeakRef<Tenant>>()
  readonly #ownerOf = new Map<string, string>()
  readonly #knexCollected = new FinalizationRegistry<string>((id) => forgetDead(this.#alive, id))
  readonly #tenantCollected = new FinalizationRegistry<Tenant>((tenant) => this.#forget(tenant))

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
   * @throws `ERR_TENANT_ID_INVALID`, `ERR_DATABASE_NAME_INVALID`, `ERR_DATABASE_SHARED`
   */
  get(tenantId: string): BoundKnex {
    return this.#recent.get(tenantId) ?? this.#revive(tenantId) ?? this.#create(tenantId)
  }

  #revive(tenantId: string): BoundKnex | undefined {
    const bound = this.#alive.get(tenantId)?.deref()
    if (bound) this.#recent.set(tenantId, bound)
    return bound
  }

  #create(tenantId: string): BoundKnex {
    const tenant = this.#tenants.get(tenantId)?.deref() ?? this.#locate(tenantId)
    const bound = this.#options.bind(tenant)
    this.#recent.set(tenantId, bound)
    this.#alive.set(tenantId, new WeakRef(bound))
    this.#knexCollected.register(bound, tenantId)
    return bound
  }

  /**
   * Where a tenant's data is. Names are checked before anything is sent anywhere. A tenant is one
   * object for as long as anything of its is held, if only a connection or a copy of its Knex: whose
   * something is, is told by that object.
   */
  #locate(tenantId: unknown): Tenant {
    checkTenantId(tenantId)
    const database: unknown = this.#options.database(tenantId)
    checkDatabaseName(database, tenantId)
    const tenant = Object.freeze({ id: tenantId, database })
    const other = this.#ownerOf.get(database)
    if (other !== undefined && other !== tenantId) throw sharedDatabase(tenant, other)
    this.#tenants.set(tenantId, new WeakRef(tenant))
    this.#ownerOf.set(database, tenantId)
    this.#tenantCollected.register(tenant, { id: tenantId, database })
    return tenant
  }

  #forget({ id, database }: Tenant): void {
    forgetDead(this.#tenants, id)
    if (!this.#tenants.has(id) && this.#ownerOf.get(database) === id) this.#ownerOf.delete(database)
  }
}

/** The garbage collector took what an id stood for; there may be another by now. */
function forgetDead(references: Map<string, WeakRef<object>>, id: string): void {
  if (!references.get(id)?.deref()) references.delete(id)
}

function sharedDatabase({ id, database }: Tenant, other: string): TenantKnexError {
  return new TenantKnexError(
    'ERR_DATABASE_SHARED',
    `Tenants ${JSON.stringify(id)} and ${JSON.stringify(other)} both map to the database ` +
      `${JSON.stringify(database)}. The \`database\` function must give each its own.`,
    { tenant: id, database, outcome: 'not-sent' },
  )
}
