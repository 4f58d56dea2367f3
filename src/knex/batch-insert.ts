/** A batch insert that has begun. It reads its transaction a moment later. */
type BatchInsert = Promise<unknown> & { transacting(transaction: unknown): unknown }

/** The object behind the function of a Knex or a transaction; read in knex 3.3.0. */
export interface BatchContext {
  client: object
  batchInsert(...args: unknown[]): BatchInsert
}

/**
 * Makes `batchInsert().transacting(trx)` check its transaction. A batch is not a builder, so Knex lets it
 * insert on any transaction. The batch has already begun at that time. So a refused transaction is replaced
 * by one that fails; with none, the batch would begin a transaction of its own.
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
