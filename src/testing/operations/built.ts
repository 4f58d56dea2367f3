import type { Knex } from 'knex'
import { call, withConnection } from '../raw-connection.ts'
import type { StormContext, StormOperation } from '../storm-operation.ts'
import { ITEM_COUNT, ITEMS, ownerOfId, SHADE, WRITES } from '../tables.ts'
import { row } from './writes.ts'

/**
 * Reads that the query builder makes without raw parts. With `qualify: 'auto'` they run in sessions that
 * several tenants share.
 */
export const BUILT_READ_OPERATIONS: readonly StormOperation[] = [
  {
    name: 'read one without raw SQL',
    weight: 20,
    run: async (storm) => {
      const id = storm.between(1, ITEM_COUNT)
      checkItems(storm, await items(storm).where({ id }), [id])
    },
  },
  {
    name: 'read by sub-queries without raw SQL',
    weight: 6,
    run: async (storm) => {
      const { knex } = storm
      const shown = knex(SHADE).select('tenant')
      const few = knex(ITEMS).select('id').where('id', '<=', 3).whereExists(shown)
      checkItems(storm, await items(storm).whereIn('id', few), [1, 2, 3])
    },
  },
  {
    name: 'read a common table expression without raw SQL',
    weight: 4,
    run: async (storm) => {
      const id = storm.between(2, ITEM_COUNT)
      // The expression has the name of a table.
      const rows = await storm.knex
        .with(SHADE, items(storm).where('id', '<=', id))
        .select('id', 'tenant')
        .from(SHADE)
        .where('id', '>=', id)
        .union(items(storm).where({ id: 1 }))
      checkItems(storm, rows, [1, id])
    },
  },
  {
    name: 'stream without raw SQL',
    weight: 3,
    run: async (storm) => {
      const rows = await items(storm).where('id', '<=', 9).stream().toArray()
      checkItems(storm, rows, [1, 2, 3, 4, 5, 6, 7, 8, 9])
    },
  },
]

/** Statements that ask for the id of an insert. Only their own tenant's may be found. */
export const INSERT_ID_OPERATIONS: readonly StormOperation[] = [
  {
    name: 'ask for an id',
    weight: 9,
    run: async (storm) => {
      const [row] = await ask(storm, storm.knex)
      checkOwner(storm, row?.id)
    },
  },
  {
    name: 'ask for an id in a transaction',
    weight: 4,
    run: async (storm) => {
      let isCommitting = false
      await storm.write(
        1,
        () =>
          storm.knex.transaction(async (trx) => {
            if (storm.random() < 0.5) checkOwner(storm, (await ask(storm, trx))[0]?.id)
            await insertAndAsk(storm, trx)
            isCommitting = true
          }),
        () => !isCommitting,
      )
    },
  },
  {
    name: 'ask for an id on a connection that is held',
    weight: 3,
    run: (storm) =>
      storm.write(1, () =>
        withConnection(storm.knex, async (connection) => {
          const [id] = await storm
            .knex(WRITES)
            .insert(row(storm, 0))
            .connection(connection as never)
          const [found] = await call(connection, 'query', ASK, [storm.tag])
          checkSame(storm, id, found?.id)
        }),
      ),
  },
]

const ASK = 'SELECT LAST_INSERT_ID() AS id, ? AS asker'

function items(storm: StormContext): Knex.QueryBuilder {
  return storm.knex(ITEMS).select('id', 'tenant').whereNot({ tenant: storm.tag })
}

interface Item {
  readonly id: number
  readonly tenant: string
}

function checkItems(storm: StormContext, rows: readonly Item[], ids: readonly number[]): void {
  const { database: db } = storm.tenantKnex(storm.tenant).tenant
  const found = rows.map(({ id }) => id).sort((a, b) => a - b)
  storm.checkRows(rows.map(({ tenant }) => ({ tenant, asker: storm.tag, db })))
  if (found.join() !== ids.join()) storm.violate(`the rows ${found} came back in place of ${ids}`)
}

async function ask(storm: StormContext, knex: Knex): Promise<{ id: unknown; asker: unknown }[]> {
  const [rows] = await knex.raw(ASK, [storm.tag])
  return rows
}

async function insertAndAsk(storm: StormContext, knex: Knex): Promise<void> {
  const [id] = await knex(WRITES).insert(row(storm, 0))
  await knex(ITEMS).select('id').where({ tenant: storm.tag })
  checkSame(storm, id, (await ask(storm, knex))[0]?.id)
}

function checkSame(storm: StormContext, id: unknown, found: unknown): void {
  if (Number(found) !== Number(id)) storm.violate(`the id ${id} was lost, and ${found} found`)
}

function checkOwner(storm: StormContext, id: unknown): void {
  const owner = ownerOfId(id)
  if (owner !== undefined && owner !== storm.place.index) {
    storm.violate(`the session has the id ${id} of an insert of another tenant`)
  }
}
