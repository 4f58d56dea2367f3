import { TenantKnexError } from '../base/errors.ts'
import type { Scope } from '../base/scope.ts'
import type { Tenant } from '../tenants/tenant.ts'
import type { BoundKnex } from './bound-knex.ts'
import { wrongTenant } from './guards.ts'
import { isOver, transactionOver } from './transaction-scope.ts'

/** Finds the Knex or the transaction in scope, and its tenant. */
export class ScopedKnex {
  readonly #scope: Scope<BoundKnex>
  /** Undefined outside any scope, or if a shared scope has a tenant that this tenantKnex does not know. */
  readonly tenantInScope = (): Tenant | undefined => {
    try {
      return this.#scope.current()?.tenant
    } catch {
      return undefined
    }
  }

  constructor(scope: Scope<BoundKnex>) {
    this.#scope = scope
  }

  /**
   * The bound Knex of the innermost scope, or the transaction in scope there.
   *
   * @throws `ERR_NO_TENANT`, `ERR_TRANSACTION_OVER`
   */
  current(): BoundKnex {
    const knex = this.#scope.current()
    if (knex === undefined) throw noTenant()
    if (isOver(knex)) throw transactionOver(knex.tenant)
    return knex
  }

  /** The tenant of the innermost scope, even if a transaction in it has ended. @throws `ERR_NO_TENANT` */
  currentTenant(): Tenant {
    const { tenant } = this.#scope.current() ?? {}
    if (tenant === undefined) throw noTenant()
    return tenant
  }

  /**
   * Refuses an object that `ambient` made for one tenant in the scope of another. @throws `ERR_WRONG_TENANT`
   */
  check(tenant: Tenant): void {
    const current = this.#scope.current()?.tenant
    if (current && current !== tenant) throw wrongTenant('An ambient object', current, tenant)
  }
}

/** The error of calls that need a tenant in scope. */
export function noTenant(): TenantKnexError {
  return new TenantKnexError(
    'ERR_NO_TENANT',
    'No tenant is in scope. Wrap the call in tenantKnex.run(tenantId, fn), or name the tenant: tenantKnex(tenantId).',
    { outcome: 'not-sent' },
  )
}
