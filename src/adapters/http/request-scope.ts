import type { Scope, Slot } from '../../scope.ts'
import type { TenantKnex } from '../../tenant-knex.ts'

type BoundKnex = ReturnType<TenantKnex>

/** What runs on behalf of one request: with its tenant in scope, or with none. */
export class RequestScope {
  readonly #scope: Scope<BoundKnex>
  readonly #knex: BoundKnex | Slot<BoundKnex> | undefined

  /** @param knex undefined for a request that has no tenant */
  constructor(scope: Scope<BoundKnex>, knex: BoundKnex | Slot<BoundKnex> | undefined) {
    this.#scope = scope
    this.#knex = knex
  }

  /** Calls a function in the request's scope. What it returns is not awaited. */
  call<R>(fn: () => R): R {
    return this.#scope.call(this.#knex, fn)
  }

  /** Calls a function with no tenant in scope. */
  leave<R>(fn: () => R): R {
    return this.#scope.call(undefined, fn)
  }

  /** The scope of a request that has no tenant. */
  nobody(): RequestScope {
    return new RequestScope(this.#scope, undefined)
  }
}
