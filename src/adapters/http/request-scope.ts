import type { PendingValue, Scope } from '../../base/scope.ts'
import type { BoundKnex } from '../../tenant-knex.ts'

/**
 * The scope of one request, with its tenant or with none. A request that passes the adapters of several
 * tenantKnexes has one scope for each, one inside the other.
 */
export class RequestScope {
  readonly #scope: Scope<BoundKnex>
  readonly #knex: BoundKnex | PendingValue<BoundKnex> | undefined
  readonly #outer: RequestScope | undefined

  /**
   * @param knex undefined for a request that has no tenant
   * @param outer the scopes of other tenantKnexes
   */
  constructor(
    scope: Scope<BoundKnex>,
    knex: BoundKnex | PendingValue<BoundKnex> | undefined,
    outer?: RequestScope,
  ) {
    this.#scope = scope
    this.#knex = knex
    this.#outer = outer
  }

  /** Calls a function in the request's scope. It does not await the result. */
  call<R>(fn: () => R): R {
    if (!this.#outer) return this.#scope.call(this.#knex, fn)
    return this.#outer.call(() => this.#scope.call(this.#knex, fn))
  }

  /** The same scope with no tenant. */
  withoutTenant(): RequestScope {
    return new RequestScope(this.#scope, undefined, this.#outer?.withoutTenant())
  }

  /** This scope inside the request's earlier scopes. It replaces the earlier scope of its own tenantKnex. */
  within(others: RequestScope | undefined): RequestScope {
    const outer = others?.without(this.#scope.key)
    return outer ? new RequestScope(this.#scope, this.#knex, outer) : this
  }

  /** The scopes of all other tenantKnexes: all except those with this key. */
  without(key: object): RequestScope | undefined {
    const outer = this.#outer?.without(key)
    return this.#scope.key === key ? outer : new RequestScope(this.#scope, this.#knex, outer)
  }
}
