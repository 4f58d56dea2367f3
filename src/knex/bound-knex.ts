import type { Knex } from 'knex'
import type { TenantCache } from '../cache/tenant-cache.ts'
import type { Tenant } from '../tenants/tenant.ts'

/** A Knex whose every query runs in one tenant's database. */
export interface BoundKnex extends Knex {
  readonly tenant: Tenant
  /** The tenant's cache: a Keyv that other tenants cannot reach. */
  readonly cache: TenantCache
  withUserParams(params: Record<string, unknown>): BoundKnex
  readonly transaction: BeginTransaction
  readonly transactionProvider: (config?: Knex.TransactionConfig) => () => Promise<BoundTransaction>
}

/** A transaction of a bound Knex. */
export interface BoundTransaction extends Knex.Transaction {
  readonly tenant: Tenant
  /**
   * The tenant's cache inside the transaction. It finds nothing and keeps nothing, because the transaction
   * may see values that are never committed. Keys that it deletes are deleted after COMMIT, before the caller
   * learns of the commit. After ROLLBACK they stay. In doubt they are deleted: after each statement that may
   * commit, and after a rollback that has not undone everything. A rollback to a savepoint does not cancel a
   * deletion.
   */
  readonly cache: TenantCache
  readonly transaction: BeginTransaction
  readonly transactionProvider: (config?: Knex.TransactionConfig) => () => Promise<BoundTransaction>
}

/** Knex's `transaction`, with transactions that have a tenant. */
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
 * The Knex of the tenant in scope. It joins the transaction in scope. Outside any scope its `client` can be
 * read, but cannot connect.
 */
export interface AmbientKnex extends Knex {
  /** The tenant in scope. Outside any scope it throws `ERR_NO_TENANT`; `tenantKnex.tenant` does not. */
  readonly tenant: Tenant
  /**
   * The cache of the tenant in scope, or of the transaction in scope. Outside any scope it throws
   * `ERR_NO_TENANT`. If it is kept and used in another tenant's scope, it throws `ERR_WRONG_TENANT`.
   */
  readonly cache: TenantCache
  readonly transaction: BeginTransaction
  readonly transactionProvider: (config?: Knex.TransactionConfig) => () => Promise<BoundTransaction>
}
