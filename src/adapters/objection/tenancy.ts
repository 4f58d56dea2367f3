import { about, TenantKnexError } from '../../base/errors.ts'
import type { BoundKnex, TenantKnex } from '../../tenant-knex.ts'

type Tenant = BoundKnex['tenant']

/** The property with which a model class refers to the Knex that it is bound to. */
export const BOUND: unique symbol = Symbol('tenant-knex.bound')

/** Finds the tenant of a Knex, of a transaction, or of the running code, in one tenantKnex. */
export class Tenancy {
  readonly #tenantKnex: TenantKnex

  constructor(tenantKnex: TenantKnex) {
    this.#tenantKnex = tenantKnex
  }

  /** The bound Knex of the tenant in scope. @throws `ERR_NO_TENANT` */
  current(): BoundKnex {
    return this.#tenantKnex.current()
  }

  /** True for the Knex that stands for the tenant in scope. */
  isAmbient(knex: object): boolean {
    return knex === this.#tenantKnex.ambient
  }

  /**
   * Checks that a Knex or transaction that user code has passed is of this tenantKnex.
   *
   * @throws `ERR_WRONG_TENANT`
   */
  checked(knex: object): object {
    if (this.isAmbient(knex)) return this.current()
    this.tenantOf(knex)
    return knex
  }

  /** @throws `ERR_WRONG_TENANT` if the Knex is not of this tenantKnex */
  tenantOf(knex: object): Tenant {
    const { tenant } = knex as { readonly tenant?: Tenant }
    if (tenant && this.#tenantKnex(tenant.id).tenant === tenant) return tenant
    throw wrongTenant('A model got a Knex or transaction that is not of this tenantKnex.')
  }

  /** Runs a function at once with the tenant of a Knex in scope. Does not await the result. */
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

/** The error for an object of one tenant that another tenant uses. */
export function wrongTenant(message: string, tenant?: Tenant): TenantKnexError {
  return new TenantKnexError('ERR_WRONG_TENANT', `${message} Nothing was sent.`, {
    ...about(tenant),
    outcome: 'not-sent',
  })
}
