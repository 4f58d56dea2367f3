import type { Knex } from 'knex'
import { about, TenantKnexError } from '../base/errors.ts'
import type { Scope } from '../base/scope.ts'
import type { Tenant } from '../tenants/tenant.ts'
import { refused } from './ownership.ts'

/** A bound Knex or a transaction that can be in scope. */
interface Scoped {
  readonly tenant: Tenant
  readonly isTransaction?: boolean | undefined
  readonly transaction: (
    container: (trx: ScopedTransaction) => Promise<unknown>,
    config?: Knex.TransactionConfig,
  ) => Promise<unknown>
}

type ScopedTransaction = Scoped & Pick<Knex.Transaction, 'client' | 'isCompleted'>

/** Lets code join the open transaction of its scope. */
export class TransactionScope<K extends Scoped> {
  readonly #scope: Scope<K>

  constructor(scope: Scope<K>) {
    this.#scope = scope
  }

  /**
   * Runs a function with a tenant in scope: in the open transaction of that tenant around it, or else with
   * its bound Knex. Transactions of other tenants leave the scope; code inside that returns to such a tenant
   * finds its transaction again.
   */
  run<R>(bound: K, fn: (knex: K) => R | PromiseLike<R>): Promise<R> {
    const { knex, outer } = this.#within(bound)
    return this.#scope.runWithin(outer, knex, () => fn(knex))
  }

  /** Like {@link run}, for the rest of the running code. @returns a function that leaves the scope */
  enter(bound: K): () => void {
    const { knex, outer } = this.#within(bound)
    return this.#scope.enterWithin(outer, knex)
  }

  /** Runs a function in a transaction that is in scope. Inside a transaction it makes a savepoint. */
  begin<R>(
    knex: K,
    fn: (trx: K) => R | PromiseLike<R>,
    config: Knex.TransactionConfig | undefined,
  ): Promise<R> {
    // Ended transactions are included: late work that belongs to them must not pass.
    const outer = this.#scope.around()
    const container = (begun: ScopedTransaction): Promise<R> => {
      refuseWhatIsLate(begun)
      const trx = begun as unknown as K
      return this.#scope.runWithin(outer, trx, () => fn(trx))
    }
    return knex.transaction(container, config) as Promise<R>
  }

  #within(bound: K): { readonly knex: K; readonly outer: readonly K[] } {
    const open = this.#open()
    const knex = counterpart(bound, open)
    return { knex, outer: open.filter((one) => one !== knex) }
  }

  /** The open transactions around the running code, of all tenantKnexes that share the scope. */
  #open(): K[] {
    return this.#scope.around().filter((knex) => knex.isTransaction && !isOver(knex))
  }
}

/** The Knex to use for a tenant: its innermost open transaction, or else its bound Knex. */
export function counterpart<K extends Scoped>(bound: K, around: readonly K[]): K {
  return around.find(({ tenant }) => tenant === bound.tenant) ?? bound
}

/** True for a transaction that has ended. */
export function isOver(knex: Scoped): boolean {
  return knex.isTransaction === true && (knex as ScopedTransaction).isCompleted()
}

/** The error for work in a transaction in scope that has ended. */
export function transactionOver(tenant: Tenant): TenantKnexError {
  return new TenantKnexError(
    'ERR_TRANSACTION_OVER',
    `The transaction of tenant ${JSON.stringify(tenant.id)} that is in scope has ended. Inside ` +
      'tenantKnex.transaction(fn), await all work that belongs to it. Start work that may outlast it ' +
      'with tenantKnex.run(tenantId, fn), after it has ended.',
    { ...about(tenant), outcome: 'not-sent' },
  )
}

/** Gives late work our error. Knex's own error names neither the tenant nor a remedy. */
function refuseWhatIsLate(trx: ScopedTransaction): void {
  const { client, tenant } = trx
  const late = (): Promise<never> => Promise.reject(refused(client, transactionOver(tenant)))
  const { acquireConnection, query, stream } = client
  client.acquireConnection = () => (trx.isCompleted() ? late() : acquireConnection())
  // Knex sends COMMIT and ROLLBACK as strings, and a builder's statement as an object.
  const isLate = (sql: unknown): boolean => typeof sql === 'object' && trx.isCompleted()
  client.query = (connection: unknown, sql: unknown) =>
    isLate(sql) ? late() : query(connection, sql)
  client.stream = (connection: unknown, sql: unknown, ...rest: unknown[]) =>
    isLate(sql) ? late() : stream(connection, sql, ...rest)
}
