import { TenantKnexError } from '../base/errors.ts'
import type { TenantCache } from '../cache/tenant-cache.ts'
import { type BindingParts, bindingOf } from './binding.ts'
import type { AmbientKnex, BoundKnex } from './bound-knex.ts'
import { withListedMethods } from './listed-methods.ts'
import { refused } from './ownership.ts'
import { scopedCache } from './scoped-cache.ts'
import { noTenant, type ScopedKnex } from './scoped-knex.ts'
import { type Context, type KnexInternals, knexFunction } from './shared-knex.ts'
import { bindClient, type TenantClient } from './tenant-client.ts'

/** The parts that `ambient` is made of. */
interface AmbientParts {
  readonly root: KnexInternals
  readonly prototype: object
  readonly inScope: ScopedKnex
  readonly parts: BindingParts
}

/** The sources of what `ambient` gives. */
interface AmbientSources {
  readonly clients: AmbientClients
  /** The client outside any scope. */
  readonly nobodys: TenantClient
  /** The Knex, or the transaction, in scope. */
  readonly now: () => BoundKnex
}

/** Makes `ambient`: one Knex that works for the tenant in scope. */
export function createAmbient({ root, prototype, inScope, parts }: AmbientParts): AmbientKnex {
  const clients = new AmbientClients(root.context.client, inScope)
  const nobodys = createNobodysClient(root.context.client, parts)
  const now = (): BoundKnex => knexInScope(inScope, clients)
  const context = ambientContext(root, inScope, { clients, nobodys, now })
  const listing = withListedMethods(knexFunction(context, prototype), root)
  const ambient = Object.defineProperties(listing, {
    schema: { get: () => now().schema },
    fn: { get: () => now().fn },
    migrate: { get: () => now().migrate },
    seed: { get: () => now().seed },
    cache: { get: () => ambientCache(inScope) },
  }) as AmbientKnex
  clients.hearer = ambient
  return ambient
}

/** The context of `ambient`. It looks up the client of the tenant in scope at each call. */
function ambientContext(
  root: KnexInternals,
  inScope: ScopedKnex,
  { clients, nobodys, now }: AmbientSources,
): Context {
  const client = (): TenantClient => clients.of(inScope.current())
  return Object.create(root.context, {
    client: { get: () => (inScope.tenantInScope() ? client() : nobodys) },
    // A builder belongs to the tenant that is in scope when it is made.
    queryBuilder: { value: () => client().queryBuilder() },
    raw: { value: (...args: unknown[]) => client().raw(...args) },
    ref: { value: (...args: unknown[]) => client().ref(...args) },
    batchInsert: { value: (...args: [never, never]) => now().batchInsert(...args) },
    userParams: { get: () => inScope.current().userParams, set: () => undefined },
    destroy: { value: (callback?: () => void) => refuseToDestroy(inScope, callback) },
    // A transaction begins at once, so the tenant's own Knex begins it. Methods that may begin later refuse
    // to work in another tenant's scope.
    transaction: { value: (...args: []) => inScope.current().transaction(...args) },
    transactionProvider: { value: (...args: []) => now().transactionProvider(...args) },
    withUserParams: { value: (params: object) => now().withUserParams({ ...params }) },
  })
}

/** The Knex or the transaction in scope. Its objects refuse to run in another tenant's scope. */
function knexInScope(inScope: ScopedKnex, clients: AmbientClients): BoundKnex {
  const knex = inScope.current()
  const context = Object.create((knex as KnexInternals & BoundKnex).context, {
    client: { value: clients.of(knex), writable: true },
  })
  return knexFunction(context, knex) as BoundKnex
}

/** A tenant's Knex has nothing to destroy. Outside any scope the caller means the pool. */
async function refuseToDestroy(inScope: ScopedKnex, callback?: () => void): Promise<void> {
  if (inScope.tenantInScope() === undefined) {
    const message = '`ambient` has no connections of its own to close. Use tenantKnex.destroy().'
    throw new TenantKnexError('ERR_NO_TENANT', message, { outcome: 'not-sent' })
  }
  callback?.()
}

function ambientCache(inScope: ScopedKnex): TenantCache {
  const { cache, tenant } = inScope.current()
  return scopedCache(cache, () => inScope.check(tenant))
}

/** The clients of `ambient`: one for each client of a bound Knex or of a transaction. */
class AmbientClients {
  /** Emits the events of all tenants. */
  hearer!: AmbientKnex
  readonly #root: TenantClient
  readonly #inScope: ScopedKnex
  readonly #made = new WeakMap<TenantClient, TenantClient>()

  constructor(root: TenantClient, inScope: ScopedKnex) {
    this.#root = root
    this.#inScope = inScope
  }

  /**
   * The client of `ambient` for a Knex. Its builders belong to that tenant and refuse to run in another
   * tenant's scope.
   */
  of(knex: BoundKnex): TenantClient {
    const own: TenantClient = knex.client
    let client = this.#made.get(own)
    if (client === undefined) {
      client = own.transacting ? this.#joining(own) : this.#bound(knex)
      this.#made.set(own, client)
    }
    return client
  }

  #bound(knex: BoundKnex): TenantClient {
    const { tenant } = knex
    const binding = { ...bindingOf(knex.client), checkScope: () => this.#inScope.check(tenant) }
    const client = bindClient(this.#root, binding, tenant)
    client.listenersOf = { own: knex, all: this.hearer }
    return client
  }

  /** Shares the connection of a transaction's client. */
  #joining(own: TenantClient): TenantClient {
    const { tenant } = bindingOf(own)
    const checkScope = (): void => {
      try {
        this.#inScope.check(tenant)
      } catch (error) {
        throw refused(own, error)
      }
    }
    // Not `async`: a statement that is not awaited must begin as early as the transaction's own statements.
    const acquireConnection = () => {
      try {
        checkScope()
        return own.acquireConnection()
      } catch (error) {
        return Promise.reject(error)
      }
    }
    return Object.create(own, {
      checkScope: { value: checkScope },
      acquireConnection: { value: acquireConnection },
    })
  }
}

/** The client outside any scope. Its properties can be read, but it cannot connect. */
function createNobodysClient(root: TenantClient, parts: BindingParts): TenantClient {
  const binding = {
    ...parts,
    get tenant(): never {
      throw noTenant()
    },
    checkScope: undefined,
    tenantInScope: () => undefined,
  }
  return bindClient(root, binding, undefined)
}
