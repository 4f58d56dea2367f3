/** A batch under way; it looks for its transaction a moment after it was made. */
type BatchInsert = Promise<unknown> & { transacting(transaction: unknown): unknown }

/** What a Knex, or a transaction, keeps behind its function; read in knex 3.3.0. */
export interface BatchContext {
  client: object
  batchInsert(...args: unknown[]): BatchInsert
}

/**
 * Lets `batchInsert().transacting(trx)` take only what `check` lets pass. A batch is no builder: it
 * takes any transaction and inserts there. And it has begun already, so that a transaction that is
 * refused is replaced by one that fails; without any, the batch would begin one of its own.
 */
export function guardBatches(
  context: BatchContext,
  check: (client: object, transaction: unknown) => void,
): void {
  const { batchInsert } = context
  context.batchInsert = function (...args) {
    const { client } = this
    const batch = batchInsert.apply(this, args)
    const { transacting } = batch
    batch.transacting = (transaction) => {
      const checked = (...table: unknown[]): unknown => {
        check(client, transaction)
        return (transaction as (...table: unknown[]) => unknown)(...table)
      }
      return transacting.call(batch, transaction ? checked : transaction)
    }
    return batch
  }
}
