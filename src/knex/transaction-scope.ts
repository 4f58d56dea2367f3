import type { Knex } from 'knex'
import { about, TenantKnexError } from '../base/errors.ts'
import type { Scope } from '../base/scope.ts'
import type { Tenant } from '../tenants/tenant.ts'
import { refused } from './ownership.ts'

/** A bound Knex or a transaction that is in scope. */
interface Scoped {
  readonly tenant: Tenant
  readonly isTransaction?: boolean | undefined
  readonly transaction: (
    container: (trx: ScopedTransaction) => Promise<unknown>,
    config?: Knex.TransactionConfig,
  ) => Promise<unknown>
}

type ScopedTransaction = Scoped & Pick<Knex.Transaction, 'client' | 'isCompleted'>

/** Lets code join the transaction that is in scope around it. */
export class TransactionScope<K extends Scoped> {
  readonly #scope: Scope<K>

  constructor(scope: Scope<K>) {
    this.#scope = scope
  }

  /**
   * Runs a function with a tenant in scope: by the transaction of that tenant that is open around it,
   * or by its bound Knex. Those of other tenants are left, and found again by who comes back to them.
   */
  run<R>(bound: K, fn: (knex: K) => R | PromiseLike<R>): Promise<R> {
    const { knex, outer } = this.#within(bound)
    return this.#scope.runWithin(outer, knex, () => fn(knex))
  }

  /** The same for what the running code does from now on. @returns a function that takes it out of scope */
  enter(bound: K): () => void {
    const { knex, outer } = this.#within(bound)
    return this.#scope.enterWithin(outer, knex)
  }

  /** Runs a function in a transaction, with that in scope. In a transaction it is a savepoint. */
  begin<R>(
    knex: K,
    fn: (trx: K) => R | PromiseLike<R>,
    config: Knex.TransactionConfig | undefined,
  ): Promise<R> {
    // With those that are over: late work of theirs, inside, must not pass.
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

  /** Those of all who share the scope. */
  #open(): K[] {
    return this.#scope.around().filter((knex) => knex.isTransaction && !isOver(knex))
  }
}

/** The transaction among some that a tenant's Knex stands for: the innermost of that very tenant, or itself. */
export function counterpart<K extends Scoped>(bound: K, around: readonly K[]): K {
  return around.find(({ tenant }) => tenant === bound.tenant) ?? bound
}

/** True of a transaction that has ended. */
export function isOver(knex: Scoped): boolean {
  return knex.isTransaction === true && (knex as ScopedTransaction).isCompleted()
}

/** The error for work that goes by a transaction in scope after its end. */
export function transactionOver(tenant: Tenant): TenantKnexError {
  return new TenantKnexError(
    'ERR_TRANSACTION_OVER',
    `The transaction of tenant ${JSON.stringify(tenant.id)} that is in scope has ended. Inside ` +
      'tenantKnex.transaction(fn), await all that belongs to it; what may end later begins with ' +
      'tenantKnex.run(tenantId, fn) once it is over.',
    { ...about(tenant), outcome: 'not-sent' },
  )
}

/** Knex would say that it is over, but not whose it was or what to do. */
function refuseWhatIsLate(trx: ScopedTransaction): void {
  const { client, tenant } = trx
  const late = (): Promise<never> => Promise.reject(refused(client, transactionOver(tenant)))
  const { acquireConnection, query, stream } = client
  client.acquireConnection = () => (trx.isCompleted() ? late() : acquireConnection())
  // COMMIT and ROLLBACK come as texts, a builder's statement as an object.
  const isLate = (sql: unknown): boolean => typeof sql === 'object' && trx.isCompleted()
  client.query = (connection: unknown, sql: unknown) =>
    isLate(sql) ? late() : query(connection, sql)
  client.stream = (connection: unknown, sql: unknown, ...rest: unknown[]) =>
    isLate(sql) ? late() : stream(connection, sql, ...rest)
}
