/** A transaction that user code ends by hand; read in knex 3.3.0, lib/execution/transaction.js. */
export interface HandTransaction {
  readonly executionPromise: Promise<unknown>
  commit(value?: unknown): Promise<unknown>
}

/**
 * Lets `await trx.commit()` reject where COMMIT failed. Knex tells of it by `executionPromise` only,
 * and who does not look there takes a lost write for a written one (knex issue 3847).
 */
export function tellFailedCommit(trx: HandTransaction): void {
  const { commit } = trx
  trx.commit = (value) => {
    const committed = commit(value).then(async (result) => {
      await trx.executionPromise
      return result
    })
    committed.catch(() => undefined) // as in Knex, nobody has to wait for it
    return committed
  }
}
