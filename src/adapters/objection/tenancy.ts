import { about, TenantKnexError } from '../../base/errors.ts'
import type { TenantKnex } from '../../tenant-knex.ts'

type BoundKnex = ReturnType<TenantKnex>
type Tenant = BoundKnex['tenant']

/** Where a model class keeps the Knex that it was bound to. */
export const BOUND: unique symbol = Symbol('tenant-knex.bound')

/** Which tenant a Knex, a transaction or the running code has, by one tenantKnex. */
export class Tenancy {
  readonly #tenantKnex: TenantKnex

  constructor(tenantKnex: TenantKnex) {
    this.#tenantKnex = tenantKnex
  }

  /** The bound Knex of the tenant in scope. @throws `ERR_NO_TENANT` */
  current(): BoundKnex {
    return this.#tenantKnex.current()
  }

  /** It stands for the tenant in scope, whichever that is. */
  isAmbient(knex: object): boolean {
    return knex === this.#tenantKnex.ambient
  }

  /**
   * A Knex or transaction that user code gave: one of this tenantKnex.
   *
   * @throws `ERR_WRONG_TENANT`
   */
  checked(knex: object): object {
    if (this.isAmbient(knex)) return this.current()
    this.tenantOf(knex)
    return knex
  }

  /** @throws `ERR_WRONG_TENANT` where it is not of this tenantKnex */
  tenantOf(knex: object): Tenant {
    const { tenant } = knex as { readonly tenant?: Tenant }
    if (tenant && this.#tenantKnex(tenant.id).tenant === tenant) return tenant
    throw wrongTenant('A Knex or transaction that is not of this tenantKnex was given to a model.')
  }

  /** Runs a function at once with the tenant of a Knex in scope; what it returns is not awaited. */
  runNow<T>(knex: object, fn: () => T): T {
    let result: { readonly value: T } | { readonly error: unknown } | undefined
    void this.#tenantKnex.run(this.tenantOf(knex).id, () => {
      try {
        result = { value: fn() }
      } catch (error) {
        result = { error }
      }
    })
    if (result === undefined) throw new Error('unreachable: run() calls its function at once')
    if ('error' in result) throw result.error
    return result.value
  }

  /** Runs a function with the tenant of a Knex in scope. */
  run<T>(knex: object, fn: () => Promise<T>): Promise<T> {
    return this.#tenantKnex.run(this.tenantOf(knex).id, fn)
  }
}

/** What fails when something of one tenant is used by another. */
export function wrongTenant(message: string, tenant?: Tenant): TenantKnexError {
  return new TenantKnexError('ERR_WRONG_TENANT', `${message} Nothing was sent.`, {
    ...about(tenant),
    outcome: 'not-sent',
  })
}
