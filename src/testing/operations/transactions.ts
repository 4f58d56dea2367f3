import type { Knex } from 'knex'
import { call, withConnection } from '../raw-connection.ts'
import type { StormContext, StormOperation } from '../storm-operation.ts'
import { ITEMS, WRITES } from '../tables.ts'
import { insert, row } from './writes.ts'

/** Parts with this number or a higher one are undone. No row with such a part may ever be found. */
const UNDONE = 100

/** The error that undoes a savepoint or a transaction. */
class Undo extends Error {}

/** Transactions. Each keeps all of its rows or none. A transaction that is never ended keeps none. */
export const TRANSACTION_OPERATIONS: readonly StormOperation[] = [
  {
    name: 'transaction',
    weight: 8,
    run: (storm) =>
      transaction(storm, 2, async (trx) => {
        await insert(storm, trx, 0)
        storm.checkRows(await readOne(storm, trx), 1)
        await insert(storm, trx, 1)
      }),
  },
  {
    name: 'transaction with savepoints',
    weight: 5,
    run: (storm) =>
      transaction(storm, 2, async (trx) => {
        await insert(storm, trx, 0)
        await undone(trx.transaction((inner) => insertAndUndo(storm, inner)))
        await trx.savepoint((inner) => insert(storm, inner, 1))
      }),
  },
  {
    name: 'transaction that deletes',
    weight: 3,
    run: (storm) =>
      transaction(storm, 1, async (trx) => {
        await insert(storm, trx, 0)
        const [id] = await trx(WRITES).insert(row(storm, UNDONE))
        // By its key, because another condition would lock rows of others and cause deadlocks.
        const remove = () => trx(WRITES).where({ id, tag: storm.tag }).delete()
        let deleted = await remove()
        // MariaDB answers 0 if KILL QUERY strikes while it plans the DELETE. Seen on 10.11.19, without
        // this library. If the row were really gone, the second DELETE would not find it either.
        if (deleted === 0 && !storm.isCalm) deleted = await remove()
        if (deleted !== 1) storm.violate(`${deleted} rows were deleted in place of 1`)
      }),
  },
  {
    name: 'transaction with a statement that fails',
    weight: 3,
    run: (storm) =>
      transaction(storm, 1, async (trx) => {
        await insert(storm, trx, 0)
        const twice = () => trx(ITEMS).insert({ id: 1, tenant: storm.tenant })
        await storm.refused(twice, 'ER_DUP_ENTRY')
        storm.checkRows(await readOne(storm, trx), 1)
      }),
  },
  {
    name: 'transaction, statements side by side',
    weight: 2,
    run: (storm) =>
      transaction(storm, 3, async (trx) => {
        const results = await Promise.allSettled([0, 1, 2].map((part) => insert(storm, trx, part)))
        for (const result of results) if (result.status === 'rejected') throw result.reason
      }),
  },
  {
    name: 'transaction by hand',
    weight: 3,
    run: async (storm) => {
      let isCommitting = false
      await storm.write(
        1,
        async () => {
          const trx = await storm.knex.transaction()
          try {
            await insert(storm, trx, 0)
          } catch (error) {
            await trx.rollback()
            throw error
          }
          isCommitting = true
          await trx.commit()
        },
        () => !isCommitting,
      )
    },
  },
  {
    name: 'transaction in scope',
    weight: 5,
    run: (storm) =>
      inScope(storm, 3, async () => {
        const { tenantKnex, tenant, otherTenant } = storm
        const { ambient } = tenantKnex
        await insert(storm, ambient, 0)
        await undone(tenantKnex.transaction(() => insertAndUndo(storm, ambient)))
        await tenantKnex.transaction(() => insert(storm, ambient, 1))
        await tenantKnex.run(otherTenant, async (other) => {
          if (other.isTransaction) storm.violate('another tenant has joined a transaction')
          await tenantKnex.run(tenant, () => insert(storm, ambient, 2))
        })
        storm.checkRows(await readOne(storm, ambient), 1)
      }),
  },
  {
    name: 'rolled back in scope',
    weight: 3,
    run: async (storm) => {
      const { tenantKnex, tenant } = storm
      storm.deny()
      const insertion = () => insertAndUndo(storm, tenantKnex.ambient)
      await undone(tenantKnex.run(tenant, () => tenantKnex.transaction(insertion)))
    },
  },
  {
    name: 'rolled back',
    weight: 5,
    run: async (storm) => {
      storm.deny()
      await undone(storm.knex.transaction((trx) => insertAndUndo(storm, trx)))
    },
  },
  {
    name: 'never ended',
    weight: 3,
    run: (storm) => {
      storm.deny()
      return withConnection(storm.knex, async (connection) => {
        const begin = storm.random() < 0.5 ? 'START TRANSACTION' : 'SET autocommit = 0'
        await call(connection, 'query', begin)
        await call(connection, 'query', `INSERT INTO ${WRITES} SET ?`, [row(storm, UNDONE)])
      })
    },
  },
]

/** Writes in a transaction. The rows are undone if it fails before COMMIT. */
async function transaction(
  storm: StormContext,
  parts: number,
  fn: (trx: Knex.Transaction) => Promise<void>,
): Promise<void> {
  let isCommitting = false
  await storm.write(
    parts,
    () =>
      storm.knex.transaction(async (trx) => {
        await fn(trx)
        isCommitting = true
      }),
    () => !isCommitting,
  )
}

/** The same in a transaction that is in scope. */
async function inScope(storm: StormContext, parts: number, fn: () => Promise<void>): Promise<void> {
  const { tenantKnex, tenant } = storm
  let isCommitting = false
  const all = async (): Promise<void> => {
    await fn()
    isCommitting = true
  }
  await storm.write(
    parts,
    () => tenantKnex.run(tenant, () => tenantKnex.transaction(all)),
    () => !isCommitting,
  )
}

async function insertAndUndo(storm: StormContext, knex: Knex): Promise<void> {
  await insert(storm, knex, UNDONE)
  throw new Undo()
}

/** Awaits a transaction that must fail with `Undo`. */
async function undone(transaction: PromiseLike<unknown>): Promise<void> {
  try {
    await transaction
  } catch (error) {
    if (!(error instanceof Undo)) throw error
  }
}

function readOne(storm: StormContext, knex: Knex): Knex.QueryBuilder {
  const id = storm.between(1, 5)
  return knex(ITEMS)
    .select('tenant', ...storm.marks(knex))
    .where({ id })
}
