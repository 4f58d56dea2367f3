import { expect } from 'chai'
import type { Knex } from 'knex'
import type { Connection, RowDataPacket } from 'mysql2/promise'
import { onEachServer, rejection, until, withTenants } from '../../support/tenants.ts'
import { sameAsPlain } from './same-as-plain.ts'

/** How many connections run a statement with this text in it. */
async function running(admin: Connection, text: string): Promise<number> {
  const [rows] = await admin.query<RowDataPacket[]>(
    'SELECT id FROM information_schema.processlist WHERE info LIKE ? AND id <> CONNECTION_ID()',
    [`%${text}%`],
  )
  return rows.length
}

/** What Knex's own error says. */
async function timedOut(query: PromiseLike<unknown>): Promise<unknown> {
  const error = await rejection(query)
  return [error.name, error.message, { ...error }]
}

onEachServer('a query with a timeout', (server) => {
  it('fails as in plain Knex, with and without cancel', () =>
    sameAsPlain(server, async (knex) => [
      await timedOut(knex.raw('SELECT SLEEP(20)').timeout(50, { cancel: true })),
      await timedOut(knex('items').select(knex.raw('SLEEP(20)')).timeout(50, { cancel: true })),
      await timedOut(knex.raw('SELECT SLEEP(1)').timeout(50)),
      await knex('items').timeout(10_000).count(),
      await knex('items').timeout(10_000, { cancel: true }).count(),
    ]))

  it('that is too short with cancel ends at the server, and its connection serves on', () =>
    withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex, admin, databaseOf }) => {
      const text = `of ${databaseOf('a')}`
      const slow = tenantKnex('a').raw(`SELECT SLEEP(60) AS \`${text}\``)
      const failed = rejection(slow.timeout(400, { cancel: true }))
      await until('it runs', async () => (await running(admin, text)) === 1)
      expect(await failed).to.include({ name: 'KnexTimeoutError', outcome: 'unknown' })
      await until('it has ended', async () => (await running(admin, text)) === 0)
      expect(await tenantKnex('b')('items').first('tenant')).to.deep.equal({ tenant: 'b' })
    }))

  it('that is too short with cancel does not touch what others run', () =>
    withTenants(server, { pool: { max: 3 } }, async ({ tenantKnex, databaseOf }) => {
      const others = ['b', 'c'].map((id) =>
        tenantKnex(id).raw('SELECT SLEEP(0.5) AS slept, DATABASE() AS here'),
      )
      const error = await rejection(
        tenantKnex('a').raw('SELECT SLEEP(60)').timeout(100, { cancel: true }),
      )
      expect(error.name).to.equal('KnexTimeoutError')
      const rows = (await Promise.all(others)).map(([[row]]) => row)
      expect(rows).to.deep.equal([
        { slept: 0, here: databaseOf('b') },
        { slept: 0, here: databaseOf('c') },
      ])
    }))

  it('inside a transaction fails as in plain Knex, which goes on after a cancel', () =>
    sameAsPlain(server, async (knex) => {
      const ended = await knex.transaction(async (trx) => {
        await trx('items').insert({ tenant: 'mine', val: 3 })
        const told = await timedOut(trx.raw('SELECT SLEEP(20)').timeout(50, { cancel: true }))
        return [told, await trx('items').where('val', 3).count()]
      })
      return [ended, await knex('items').where('val', 3).count()]
    }))
})

onEachServer('a connection that user code acquires', (server) => {
  it('serves builders, raw statements, schema and transactions until it is released', () =>
    sameAsPlain(server, async (knex) => {
      const { client } = knex
      const connection = await client.acquireConnection()
      await knex.raw('SET @mine = 1').connection(connection)
      const seen = [
        await knex('items').connection(connection).first(knex.raw('@mine AS mine')),
        await knex.schema.connection(connection).hasTable('items'),
        await knex.transaction((trx) => trx.first(knex.raw('@mine AS mine')), {
          connection,
        } as Knex.TransactionConfig),
        await new Promise((resolve, reject) =>
          connection.query('SELECT COUNT(*) AS n FROM items', (error: unknown, rows: unknown) =>
            error ? reject(error) : resolve(rows),
          ),
        ),
      ]
      await client.releaseConnection(connection)
      return seen
    }))
})
