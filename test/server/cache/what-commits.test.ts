import { once } from 'node:events'
import { expect } from 'chai'
import type { RowDataPacket } from 'mysql2/promise'
import type { BoundKnex, BoundTransaction } from '../../../src/index.ts'
import {
  onEachServer,
  rejection,
  type TestTenants,
  until,
  urlOptions,
  withTenants,
} from '../../support/tenants.ts'

const NEW = 7

/** The statements of a transaction between its write and its end. */
interface Case {
  readonly title: string
  readonly only?: 'MariaDB' | 'MySQL'
  /** Statements before the transaction. */
  readonly prepare?: (context: TestTenants) => Promise<unknown>
  readonly run: (trx: BoundTransaction, context: TestTenants, knex: BoundKnex) => Promise<unknown>
}

const lost = new Error('lost')

const sql = (text: string): Case => ({ title: text, run: (trx) => trx.raw(text) })

/** All of them commit the transaction. The server says so for few of them, and most of them fail. */
const COMMITTING: readonly Case[] = [
  ...[
    'CREATE TABLE items (id INT)',
    'CREATE TABLE made (id INT)',
    'DROP TABLE missing',
    'ALTER TABLE missing ADD COLUMN x INT',
    'TRUNCATE TABLE missing',
    'RENAME TABLE missing TO other',
    'CREATE INDEX twice ON missing (id)',
    'CREATE VIEW items AS SELECT 1',
    'LOCK TABLES missing READ',
    'ANALYZE TABLE items',
    'COMMIT',
    '/* done */ COMMIT',
    '-- done\nCOMMIT',
    '/*!COMMIT*/',
    'COMMIT AND CHAIN',
    'BEGIN',
    'START TRANSACTION',
    'COMMIT; START TRANSACTION',
    'SELECT 1; COMMIT; START TRANSACTION',
  ].map(sql),
  { title: 'truncate() of a table that is not there', run: (trx) => trx('missing').truncate() },
  {
    title: 'createTable() of one that is',
    run: (trx) => trx.schema.createTable('items', (table) => void table.integer('id')),
  },
  {
    title: 'a query builder with a second statement in it',
    run: (trx) => trx('items').whereRaw('1; COMMIT; START TRANSACTION'),
  },
  {
    title: 'a query builder whose options have another text',
    run: (trx) => trx('items').options({ sql: 'COMMIT AND CHAIN' }),
  },
  {
    title: 'a query with a value that is more than a value',
    run: (trx) => trx.raw('SELECT ?', [{ toSqlString: () => '1; COMMIT AND CHAIN' } as never]),
  },
  {
    title: 'a procedure that commits and begins anew',
    prepare: ({ admin, databaseOf }) =>
      admin.query(`CREATE PROCEDURE ${databaseOf('a')}.p() BEGIN COMMIT; START TRANSACTION; END`),
    run: (trx) => trx.raw('CALL p()'),
  },
  {
    title: 'a procedure that commits and then fails',
    prepare: ({ admin, databaseOf }) =>
      admin.query(
        `CREATE PROCEDURE ${databaseOf('a')}.p() BEGIN COMMIT; SIGNAL SQLSTATE '45000'; END`,
      ),
    run: (trx) => trx.raw('CALL p()'),
  },
  {
    title: 'a block that commits and begins anew',
    only: 'MariaDB',
    run: (trx) => trx.raw('BEGIN NOT ATOMIC COMMIT; START TRANSACTION; END'),
  },
  {
    title: 'a stream',
    run: async (trx) => {
      for await (const _ of trx.raw('COMMIT AND CHAIN').stream());
    },
  },
  {
    title: 'a statement on the raw connection',
    run: async (trx) => {
      const connection = await trx.client.acquireConnection()
      await once(connection.query('COMMIT AND CHAIN'), 'end')
    },
  },
  {
    title: 'another transaction that is begun on its connection',
    run: async (trx, _, knex) => {
      const connection = await trx.client.acquireConnection()
      await knex.transaction(() => Promise.reject(lost), { connection } as never)
    },
  },
  {
    title: 'a failed statement, after which the connection is lost',
    run: async (trx, { admin }) => {
      const [[{ id }]] = await trx.raw('SELECT CONNECTION_ID() AS id')
      await trx.raw('CREATE TABLE items (id INT)').catch(() => undefined)
      await admin.query('KILL ?', [id])
      await trx.raw('SELECT 1')
    },
  },
]

onEachServer('what a transaction commits before its end', (server) => {
  const given = (
    { prepare }: Pick<Case, 'prepare'>,
    test: (context: TestTenants, knex: BoundKnex) => Promise<void>,
  ) =>
    withTenants(
      server,
      {
        pool: { max: 2 },
        connection: { ...urlOptions(server.url), multipleStatements: true },
        allowMultipleStatements: true,
      },
      async (context) => {
        const knex = context.tenantKnex('a')
        await prepare?.(context)
        await knex.cache.set('k', 0)
        await test(context, knex)
      },
    )

  /** Checks that the database has the written row, and that the cache has no other value. */
  const expectSame = async ({ admin, databaseOf }: TestTenants, knex: BoundKnex, val = NEW) => {
    const [rows] = await admin.query<RowDataPacket[]>(
      `SELECT val FROM ${databaseOf('a')}.items WHERE id = 1`,
    )
    expect(rows[0]?.val, 'in the database').to.equal(val)
    expect(await knex.cache.get('k'), 'in the cache').to.be.oneOf([undefined, val])
  }

  const write = (trx: BoundTransaction) => trx('items').where({ id: 1 }).update({ val: NEW })
  const forget = (trx: BoundTransaction) => trx.cache.delete('k')

  for (const one of COMMITTING) {
    if (one.only && one.only !== server.name) continue
    describe(one.title, () => {
      const orders: [
        string,
        (trx: BoundTransaction, run: () => Promise<unknown>) => Promise<unknown>,
      ][] = [
        ['before it', async (trx, run) => [await forget(trx), await write(trx), await run()]],
        ['just before it', async (trx, run) => [await write(trx), await forget(trx), await run()]],
        [
          'while it runs',
          async (trx, run) => [await write(trx), await Promise.all([run(), forget(trx)])],
        ],
        ['after it', async (trx, run) => [await write(trx), await run(), await forget(trx)]],
      ]
      for (const [when, doIt] of orders) {
        it(`is forgotten by the cache, if that is told ${when}`, () =>
          given(one, async (context, knex) => {
            const run = () => one.run(trx, context, knex).catch(() => undefined)
            const trx = await knex.transaction()
            await doIt(trx, run)
            await trx.rollback().catch(() => undefined)
            await expectSame(context, knex)
          }))
      }
    })
  }

  it('is forgotten at once, not only at the end', () =>
    given({}, async (context, knex) => {
      for (const text of ['COMMIT AND CHAIN', 'CREATE TABLE items (id INT)']) {
        await knex.cache.set('k', 0)
        const trx = await knex.transaction()
        await write(trx)
        await forget(trx)
        await trx.raw(text).catch(() => undefined)
        await expectSame(context, knex)
        await trx.rollback()
      }
    }))

  it('is forgotten again at the end, where somebody has read what was not committed yet', () =>
    given({}, async (context, knex) => {
      await knex.transaction(async (trx) => {
        await write(trx)
        await forget(trx)
        await trx.raw('SET @x = 1')
        await knex.cache.remember('k', { ttlMillis: 60_000 }, () =>
          knex('items')
            .first('val')
            .then(({ val }) => val),
        )
      })
      await expectSame(context, knex)
    }))

  for (const asked of ['before', 'after']) {
    it(`is forgotten, if a deadlock has ended the transaction (the cache is asked for ${asked} it)`, () =>
      given({}, async (context, knex) => {
        const { admin, databaseOf } = context
        const items = `${databaseOf('a')}.items`
        const trx = await knex.transaction()
        if (asked === 'before') await trx.cache.has('k')
        await trx('items').where({ id: 5 }).update({ val: 1 })
        await admin.query(`BEGIN; UPDATE ${items} SET val = 2 WHERE id <= 3`)
        const waiting = admin.query(`UPDATE ${items} SET val = 2`)
        const lockWaits = "information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"
        await until('it waits', async () => {
          const [rows] = await knex.raw(`SELECT * FROM ${lockWaits}`)
          return rows.length > 0
        })
        expect(await rejection(trx('items').where({ id: 1 }).update({ val: 1 }))).to.include({
          errno: 1213,
        })
        await waiting
        await admin.query('ROLLBACK')
        await write(trx)
        await forget(trx)
        await trx.rollback()
        await expectSame(context, knex)
      }))
  }

  it('is forgotten, if a table knows no transactions', () =>
    given(
      {
        prepare: ({ admin, databaseOf }) =>
          admin.query(`ALTER TABLE ${databaseOf('a')}.items ENGINE = MyISAM`),
      },
      async (context, knex) => {
        const trx = await knex.transaction()
        await write(trx)
        await forget(trx)
        await trx.rollback()
        await expectSame(context, knex)
      },
    ))

  it('is nothing, if only the query builder was used, and then nothing is forgotten', () =>
    given({}, async (context, knex) => {
      const trx = await knex.transaction({ isolationLevel: 'repeatable read' })
      await forget(trx)
      await write(trx)
      await trx('items').insert({ tenant: 'a', val: 3 })
      await trx('items').where({ id: 3 }).delete()
      await trx('items').where('tenant', 'a; b').orWhere({ val: 3 }).select().forUpdate()
      await trx('items')
        .insert({ id: 1, tenant: 'a', val: 1 })
        .onConflict('id')
        .merge()
        .catch(() => undefined)
      await rejection(trx('missing').select())
      for await (const _ of trx('items').stream());
      await trx.raw('SELECT ? + 1', [1])
      await trx.transaction(async (inner) => inner('items').select())
      await rejection(trx.transaction(() => Promise.reject(lost)))
      await trx.rollback()
      await expectSame(context, knex, 0)
      expect(await knex.cache.get('k')).to.equal(0)
    }))
})

/** The statements of a transaction after its write, and whether the row is kept. */
const SAVEPOINTS: readonly Case[] = [
  ['`é`', 'é'],
  ['`a b`', '`a b`'],
  ['`a-b`', '`a-b`'],
  ['`a``b`', '`a``b`'],
  ['mine /* and not yours */', 'mine'],
  ['/* my */ mine', 'mine'],
  ['mine', '/* my */ mine'],
  ['mine', '`MINE`'],
  ['é', 'E'],
  ['`select`', '`select`'],
].map(([made, named]) => ({
  title: `SAVEPOINT ${made}, ROLLBACK TO ${named}`,
  run: async (trx) => {
    await trx.raw(`SAVEPOINT ${made}`)
    await trx.cache.delete('other')
    const rollback = trx.raw(`ROLLBACK TO ${named}`)
    await (named === 'E' ? rollback.catch(passIfMissing) : rollback)
  },
}))

/** For MariaDB 11.8, é and E differ. So there is no such savepoint, and the transaction goes on. */
function passIfMissing(error: Error & { code?: string }): void {
  if (error.code !== 'ER_SP_DOES_NOT_EXIST') throw error
}

onEachServer('a savepoint', (server) => {
  const NESTED: readonly Case[] = [
    {
      title: 'of Knex, which is rolled back',
      run: (trx) => trx.transaction(() => Promise.reject(lost)).catch(() => undefined),
    },
    {
      title: 'of Knex, which is rolled back after the key was deleted in it',
      run: (trx) =>
        trx
          .transaction(async (inner) => {
            await inner.cache.delete('k')
            throw lost
          })
          .catch(() => undefined),
    },
  ]
  for (const { title, run } of [...SAVEPOINTS, ...NESTED]) {
    for (const isFirst of [true, false]) {
      const told = isFirst ? 'before' : 'after'
      it(`takes nothing back that was written before it: ${title} (the cache is told ${told})`, () =>
        withTenants(server, { pool: { max: 2 } }, async (context) => {
          const knex = context.tenantKnex('a')
          await knex.cache.set('k', 0)
          await knex.transaction(async (trx) => {
            if (isFirst) await trx.cache.delete('k')
            await trx('items').where({ id: 1 }).update({ val: NEW })
            if (!isFirst && !title.includes('in it')) await trx.cache.delete('k')
            await run(trx, context, knex)
          })
          expect(await knex('items').where({ id: 1 }).pluck('val')).to.deep.equal([NEW])
          expect(await knex.cache.get('k')).to.equal(undefined)
        }))
    }
  }
})
