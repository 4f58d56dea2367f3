/**
 * A transaction that user code commits or rolls back itself; read in knex 3.3.0,
 * lib/execution/transaction.js.
 */
export interface HandTransaction {
  readonly executionPromise: Promise<unknown>
  commit(value?: unknown): Promise<unknown>
}

/**
 * Makes `await trx.commit()` reject if COMMIT failed. In Knex only `executionPromise` rejects, so a caller
 * that does not look there takes a lost write for a written one (knex issue 3847).
 */
export function tellFailedCommit(trx: HandTransaction): void {
  const { commit } = trx
  trx.commit = (value) => {
    const committed = commit(value).then(async (result) => {
      await trx.executionPromise
      return result
    })
    committed.catch(() => undefined) // as in Knex, callers may ignore the promise
    return committed
  }
}
