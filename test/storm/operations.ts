import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { expect } from 'chai'
import type { Knex } from 'knex'
import type { BoundKnex, TenantKnex } from '../../src/index.ts'
import { ITEMS, rejection } from '../support/tenants.ts'

/** What an operation works with. */
export interface Operation {
  readonly number: number
  readonly id: string
  readonly otherDatabase: string
  readonly tenantKnex: TenantKnex
  readonly knex: BoundKnex
  /** Notes that a row of the ledger with this operation's number was acknowledged. */
  acknowledge(): void
}

type Run = (operation: Operation) => Promise<void>

/** Every row that an operation gets is checked with this: it must be the asker's. */
function checkRows(id: string, rows: readonly { tenant: string }[], count: number): void {
  expect(rows).to.have.lengthOf(count)
  for (const row of rows) expect(row.tenant).to.equal(id)
}

const ledgerRow = ({ number, id }: Operation) => ({ operation: number, tenant: id })

async function withConnection(
  { client }: Knex,
  fn: (connection: { query: Query }) => Promise<void>,
): Promise<void> {
  const connection = await client.acquireConnection()
  try {
    await fn(connection)
  } finally {
    await client.releaseConnection(connection)
  }
}
type Query = (sql: string, callback: (error: Error | null, rows: never) => void) => void

const query = <T>(connection: { query: Query }, sql: string): Promise<T> =>
  new Promise((resolve, reject) => {
    connection.query(sql, (error, rows) => (error ? reject(error) : resolve(rows)))
  })

/** The kinds of operations, each with its weight in the mix. */
export const OPERATIONS: Readonly<Record<string, readonly [weight: number, run: Run]>> = {
  read: [20, async ({ id, knex }) => checkRows(id, await knex('items').orderBy('id'), ITEMS)],
  readAmbient: [
    8,
    ({ id, tenantKnex }) =>
      tenantKnex.run(id, async () => {
        checkRows(id, await tenantKnex.ambient('items').where('id', '<', 4), 3)
      }),
  ],
  identity: [
    8,
    async ({ id, knex }) => {
      const [[row]] = await knex.raw(
        'SELECT DATABASE() AS db, (SELECT tenant FROM items LIMIT 1) AS tenant',
      )
      expect(row).to.deep.equal({ db: knex.tenant.database, tenant: id })
    },
  ],
  write: [
    12,
    async (operation) => {
      await operation.knex('ledger').insert(ledgerRow(operation))
      operation.acknowledge()
    },
  ],
  update: [
    6,
    async ({ id, knex }) => {
      expect(await knex('items').where({ id: 2, tenant: id }).increment('val', 1)).to.equal(1)
    },
  ],
  transaction: [
    8,
    async (operation) => {
      const { id, knex } = operation
      await knex.transaction(async (trx) => {
        await trx('ledger').insert(ledgerRow(operation))
        await rejection(
          trx.transaction(async (inner) => {
            await inner('ledger').insert({ operation: -operation.number, tenant: id })
            throw new Error('back to the savepoint')
          }),
        )
        await trx.savepoint(async (inner) => checkRows(id, await inner('items'), ITEMS))
      })
      operation.acknowledge()
    },
  ],
  rollback: [
    5,
    async ({ number, id, knex }) => {
      const trx = await knex.transaction()
      await trx('ledger').insert({ operation: -number, tenant: id })
      checkRows(id, await trx('items'), ITEMS)
      await trx.rollback()
    },
  ],
  failingTransaction: [
    3,
    async (operation) => {
      const { id, knex } = operation
      await knex.transaction(async (trx) => {
        await trx('ledger').insert(ledgerRow(operation))
        const error = await rejection(trx('ledger').insert(ledgerRow(operation)))
        expect(error).to.include({ code: 'ER_DUP_ENTRY', tenant: id, outcome: 'failed' })
        checkRows(id, await trx('items'), ITEMS)
      })
      operation.acknowledge()
    },
  ],
  sessionChange: [
    4,
    ({ id, knex }) =>
      knex.transaction(async (trx) => {
        await trx.raw("SET @tenant = ?, time_zone = '+03:00', sql_mode = ''", [id])
        await trx.raw('CREATE TEMPORARY TABLE IF NOT EXISTS mine (tenant VARCHAR(128))')
        await trx('mine').insert({ tenant: id })
        const [[row]] = await trx.raw('SELECT @tenant AS tenant')
        expect(row.tenant).to.equal(id)
      }),
  ],
  sessionCheck: [
    4,
    async ({ id, knex }) => {
      const [[row]] = await knex.raw('SELECT @tenant AS tenant')
      // The same tenant may find its own again: nobody else was on the connection in between.
      expect(row.tenant).to.be.oneOf([null, id])
    },
  ],
  stream: [
    6,
    async ({ id, knex }) => {
      const rows: { tenant: string }[] = []
      const collect = new Writable({
        objectMode: true,
        write(row, _encoding, done) {
          rows.push(row)
          done()
        },
      })
      await pipeline(knex('items').stream(), collect)
      checkRows(id, rows, ITEMS)
    },
  ],
  cutStream: [
    5,
    async ({ id, knex }) => {
      const many = knex('items as x').joinRaw('JOIN items y JOIN items z').select('y.tenant')
      let seen = 0
      for await (const row of many.stream({ highWaterMark: 2 })) {
        expect(row.tenant).to.equal(id)
        if (++seen === 3) break
      }
    },
  ],
  metadata: [
    4,
    async ({ knex }) => {
      expect(await knex.schema.hasTable('ledger')).to.equal(true)
      expect(Object.keys(await knex('items').columnInfo())).to.deep.equal(['id', 'tenant', 'val'])
    },
  ],
  leaveByUse: [
    3,
    async ({ knex, otherDatabase }) => {
      const error = await rejection(knex.raw(`USE \`${otherDatabase}\``))
      expect(error).to.include({ code: 'ERR_STATEMENT_REFUSED', outcome: 'not-sent' })
    },
  ],
  leaveHidden: [
    1,
    async ({ id, knex, otherDatabase }) => {
      const sql = `SELECT 1; USE \`${otherDatabase}\`; SELECT * FROM items`
      const error = await rejection(knex.raw(sql))
      expect(error).to.include({ code: 'ERR_WRONG_TENANT', tenant: id, outcome: 'executed' })
    },
  ],
  unfinishedTransaction: [
    3,
    ({ number, id, knex }) =>
      withConnection(knex, async (connection) => {
        await query(connection, 'BEGIN')
        await query(connection, `INSERT INTO ledger VALUES (${-number}, '${id}')`)
        const rows = await query<{ tenant: string }[]>(connection, 'SELECT tenant FROM items')
        checkRows(id, rows, ITEMS)
      }),
  ],
  keptConnection: [
    2,
    async ({ number, id, knex }) => {
      let kept: { query: Query } | undefined
      await withConnection(knex, async (connection) => {
        kept = connection
        await query(connection, 'BEGIN')
      })
      const late = query(
        kept as { query: Query },
        `INSERT INTO ledger VALUES (${-number}, '${id}')`,
      )
      expect(await rejection(late)).to.include({ code: 'ERR_WRONG_TENANT', outcome: 'not-sent' })
    },
  ],
}
