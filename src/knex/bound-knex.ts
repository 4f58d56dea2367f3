import type { Knex } from 'knex'
import type { TenantCache } from '../cache/tenant-cache.ts'
import type { Tenant } from '../tenants/tenant.ts'

/** A Knex whose every query runs in one tenant's database. */
export interface BoundKnex extends Knex {
  readonly tenant: Tenant
  /** The tenant's cache: a Keyv that no other tenant reaches. */
  readonly cache: TenantCache
  withUserParams(params: Record<string, unknown>): BoundKnex
  readonly transaction: BeginTransaction
  readonly transactionProvider: (config?: Knex.TransactionConfig) => () => Promise<BoundTransaction>
}

/** A transaction of a bound Knex. */
export interface BoundTransaction extends Knex.Transaction {
  readonly tenant: Tenant
  /**
   * Finds nothing and keeps nothing, as what a transaction sees may never be committed. The keys that
   * it deletes are forgotten after COMMIT, before the commit is reported. They stay after ROLLBACK, but
   * in doubt they are forgotten: after each statement that is able to commit, and after a rollback that
   * has not undone everything. A rollback to a savepoint takes no key back.
   */
  readonly cache: TenantCache
  readonly transaction: BeginTransaction
  readonly transactionProvider: (config?: Knex.TransactionConfig) => () => Promise<BoundTransaction>
}

/** Knex's `transaction`, whose transactions have a tenant. */
export interface BeginTransaction {
  (config?: Knex.TransactionConfig): Promise<BoundTransaction>
  (scope: null | undefined, config?: Knex.TransactionConfig): Promise<BoundTransaction>
  <T>(
    // biome-ignore lint/suspicious/noConfusingVoidType: as in Knex's own types
    scope: (trx: BoundTransaction) => Promise<T> | void,
    config?: Knex.TransactionConfig,
  ): Promise<T>
}

/**
 * The Knex of whichever tenant is in scope. It joins the transaction that is in scope. Outside any scope
 * its `client` can be read, and cannot connect.
 */
export interface AmbientKnex extends Knex {
  /** The tenant in scope. Outside any scope it throws `ERR_NO_TENANT`; `tenantKnex.tenant` does not. */
  readonly tenant: Tenant
  /**
   * The cache of the tenant in scope, in a transaction in scope the transaction's. Outside any scope it
   * throws `ERR_NO_TENANT`; kept and used in another tenant's, `ERR_WRONG_TENANT`.
   */
  readonly cache: TenantCache
  readonly transaction: BeginTransaction
  readonly transactionProvider: (config?: Knex.TransactionConfig) => () => Promise<BoundTransaction>
}
