import type { Scope, Slot } from '../../base/scope.ts'
import type { TenantKnex } from '../../tenant-knex.ts'

type BoundKnex = ReturnType<TenantKnex>

/**
 * What runs on behalf of one request: with its tenant in scope, or with none. A request that passes the
 * adapters of several tenantKnexes has a scope of each, one inside the other.
 */
export class RequestScope {
  readonly #scope: Scope<BoundKnex>
  readonly #knex: BoundKnex | Slot<BoundKnex> | undefined
  readonly #outer: RequestScope | undefined

  /**
   * @param knex undefined for a request that has no tenant
   * @param outer the scopes of other tenantKnexes
   */
  constructor(
    scope: Scope<BoundKnex>,
    knex: BoundKnex | Slot<BoundKnex> | undefined,
    outer?: RequestScope,
  ) {
    this.#scope = scope
    this.#knex = knex
    this.#outer = outer
  }

  /** Calls a function in the request's scope. What it returns is not awaited. */
  call<R>(fn: () => R): R {
    if (!this.#outer) return this.#scope.call(this.#knex, fn)
    return this.#outer.call(() => this.#scope.call(this.#knex, fn))
  }

  /** The scope of a request that has no tenant. */
  nobody(): RequestScope {
    return new RequestScope(this.#scope, undefined, this.#outer?.nobody())
  }

  /** This scope inside those that the request has already. It replaces the one of its own tenantKnex. */
  within(others: RequestScope | undefined): RequestScope {
    const outer = others?.without(this.#scope.key)
    return outer ? new RequestScope(this.#scope, this.#knex, outer) : this
  }

  /** The scopes of all tenantKnexes but one, and those that share it. */
  without(key: object): RequestScope | undefined {
    const outer = this.#outer?.without(key)
    return this.#scope.key === key ? outer : new RequestScope(this.#scope, this.#knex, outer)
  }
}
