import { once } from 'node:events'
import { expect } from 'chai'
import { withProxy } from '../../support/proxy.ts'
import { onEachServer, rejection, until, withTenants } from '../../support/tenants.ts'

type Ask = (sql: string) => Promise<unknown>

/** Asks through mysql2's own callback. */
const asking =
  (connection: { query(...args: unknown[]): unknown }): Ask =>
  (sql) =>
    new Promise((resolve, reject) => {
      connection.query(sql, (error: Error | null, rows: unknown) =>
        error ? reject(error) : resolve(rows),
      )
    })

onEachServer('an error', (server) => {
  it('of Knex’s own, after a query’s timeout, tells whose query it was', () =>
    withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex }) => {
      const a = tenantKnex('a')
      for (const options of [{ cancel: false }, { cancel: true }]) {
        const error = await rejection(a.raw('SELECT SLEEP(5)').timeout(50, options as never))
        expect(error).to.include({ name: 'KnexTimeoutError', tenant: 'a', outcome: 'unknown' })
        expect(error.connectionId).to.be.a('number')
        expect(Object.keys(error)).to.not.include.members(['tenant', 'outcome'])
      }
      expect(await a('items').first('tenant')).to.deep.equal({ tenant: 'a' })
    }))

  it('on the connection itself tells whose statement it was and what became of it', () =>
    withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex }) => {
      const { client } = tenantKnex('a')
      const connection = await client.acquireConnection()
      const told = {
        server: 'default',
        tenant: 'a',
        connectionId: connection.threadId,
        outcome: 'failed',
      }
      expect(await rejection(asking(connection)('SELECT nothing'))).to.include(told)
      expect(await rejection(connection.promise().query('SELECT nothing'))).to.include(told)
      expect(await rejection(connection.promise().execute('SELECT nothing'))).to.include(told)
      await client.releaseConnection(connection)
    }))

  it('of a lost connection is in doubt for the statement that ran, and so for those that share its error', () =>
    withProxy(server.url, (proxy) =>
      withTenants(server, { connection: proxy.url, pool: { max: 1 } }, async ({ tenantKnex }) => {
        const { client } = tenantKnex('a')
        const connection = await client.acquireConnection()
        const ask = asking(connection)
        await ask('SELECT 1')
        const errors = ['SELECT SLEEP(1)', 'SELECT 2', 'SELECT 3'].map((sql) => rejection(ask(sql)))
        await until('it is sent', () => proxy.sent.some((data) => data.includes('SLEEP')))
        proxy.cut()
        const outcomes = (await Promise.all(errors)).map(({ outcome }) => outcome)
        expect(outcomes).to.deep.equal(['unknown', 'unknown', 'unknown'])
        const late = await rejection(ask('SELECT 4'))
        expect(late).to.include({ code: 'ERR_CONNECTION_CLOSED', outcome: 'not-sent', tenant: 'a' })
        expect(late.cause).to.be.instanceOf(Error)
        const pinged = await rejection(connection.promise().ping())
        expect(pinged).to.include({ code: 'ERR_CONNECTION_CLOSED', outcome: 'not-sent' })
        const stream = connection.query('SELECT 5').stream()
        const [error] = await once(stream, 'error')
        expect(error).to.include({ code: 'ERR_CONNECTION_CLOSED', outcome: 'not-sent' })
        await client.releaseConnection(connection)
        expect(await tenantKnex('b')('items').first('tenant')).to.deep.equal({ tenant: 'b' })
      }),
    ))
})
