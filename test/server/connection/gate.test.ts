import { expect } from 'chai'
import mysql from 'mysql2'
import { openConnection } from '../../../src/connection/open.ts'
import type { ServerConnection } from '../../../src/connection/server-connection.ts'
import { resolveOptions } from '../../../src/options/options.ts'
import type { Place } from '../../../src/tenants/place.ts'
import { placeOf } from '../../support/place.ts'
import {
  ITEMS,
  onEachServer,
  rejection,
  type TestServer,
  withTenants,
} from '../../support/tenants.ts'

async function withConnection(
  server: TestServer,
  test: (connection: ServerConnection) => Promise<void>,
  session: readonly string[] = [],
): Promise<void> {
  const { options } = await resolveOptions({ connection: server.url }).connect()
  const events = {
    onSwitch: () => undefined,
    onRefusal: () => undefined,
    onDefinition: () => undefined,
  }
  const { connection } = await openConnection(
    options,
    {
      name: 'default',
      server: 'default',
      session,
      qualifies: false,
      switchTimeoutMillis: 1_000,
      switchMode: 'roundtrip',
      confirmedAt: new WeakMap(),
      events,
    },
    AbortSignal.timeout(5_000),
  )
  try {
    await test(connection)
  } finally {
    await connection.close()
  }
}

const ask = (on: { query(...args: unknown[]): unknown }, sql: string) =>
  new Promise((resolve, reject) => {
    on.query(sql, (error: Error | null, rows: unknown) => (error ? reject(error) : resolve(rows)))
  })

onEachServer('the gate', (server) => {
  it('knows that the server confirms databases by itself', () =>
    withConnection(server, async (connection) => {
      expect(connection.isTracked).to.equal(true)
      expect(connection.state.database).to.equal('information_schema')
    }))

  it('lets nothing pass that did not come through a lease', () =>
    withConnection(server, async (connection) => {
      connection.lease(placeOf('a', 'information_schema'))
      const error = await rejection(ask(connection.raw as never, 'SELECT 1'))
      expect(error).to.include({ code: 'ERR_WRONG_TENANT', outcome: 'not-sent' })
    }))

  it('lets nothing pass that came through the lease of another than the holder', () =>
    withTenants(server, {}, async ({ databaseOf }) =>
      withConnection(server, async (connection) => {
        const [a, b] = ['a', 'b'].map((id) => placeOf(id, databaseOf(id))) as [Place, Place]
        const first = connection.lease(a)
        const second = connection.lease(b)
        expect(await rejection(ask(first, 'SELECT tenant FROM items'))).to.include({
          code: 'ERR_WRONG_TENANT',
          tenant: 'a',
          outcome: 'not-sent',
        })
        expect(await ask(second, 'SELECT DISTINCT tenant FROM items')).to.deep.equal([
          { tenant: 'b' },
        ])
        connection.vacate()
        expect(await rejection(ask(second, 'SELECT 1'))).to.have.property(
          'code',
          'ERR_WRONG_TENANT',
        )
      }),
    ))

  it('lets no value switch session tracking off, in whatever form mysql2 takes it', () =>
    withConnection(server, async (connection) => {
      const lease = connection.lease(placeOf('a', 'information_schema'))
      const name = 'session_track_schema'
      const raw = mysql.raw(`${name} = 0`)
      for (const [statement, values] of [
        ['SET ?? = 0', name],
        ['SET ?', { [name]: 0 }],
        ['SET ?', [raw]],
        [{ sql: 'SET ?', values: [{ [name]: 0 }] }, undefined],
        [{ sql: 'SET ?', values: ['x'] }, { [name]: 0 }],
        [{ sql: 'SET :x', namedPlaceholders: true }, { x: raw }],
      ]) {
        const refused = await rejection(
          new Promise((resolve, reject) => {
            lease.query(statement, values, (error: Error | null) =>
              error ? reject(error) : resolve(undefined),
            )
          }),
        )
        expect(refused).to.include({ code: 'ERR_STATEMENT_REFUSED', outcome: 'not-sent' })
      }
    }))

  it('gives a connection’s former holder no hold on it', () =>
    withConnection(server, async (connection) => {
      const place = placeOf('a', 'information_schema')
      const former = connection.lease(place)
      await ask(former, 'SELECT 1')
      former.revoke()
      connection.vacate()
      const present = connection.lease(place)
      former.pause()
      former.destroy()
      former.end()
      former.__knex__disposed = new Error('too late')
      expect(connection.isPaused).to.equal(false)
      expect(connection.isUsable).to.equal(true)
      expect(await ask(present, 'SELECT 1 AS one')).to.deep.equal([{ one: 1 }])
      present.pause()
      former.resume()
      expect(connection.isPaused).to.equal(true)
      present.resume()
    }))

  it('takes nothing once its holder has gone, and does not rely on what it knows of no server', () =>
    withConnection(server, async (connection) => {
      const place = placeOf('a', 'information_schema')
      connection.lease(place)
      connection.vacate()
      expect(connection.holder).to.equal(undefined)
      connection.lease(place)
      expect(connection.state.database).to.equal('information_schema')
      connection.isTracked = false // as where a proxy keeps it from us
      connection.lease(place)
      expect(connection.state.database).to.equal(undefined)
      expect(connection.state.need(place)).to.equal('confirm')
    }))

  it('does not give up a switch that was answered while this process was busy', () =>
    withTenants(server, {}, ({ databaseOf }) =>
      withConnection(server, async (connection) => {
        const lease = connection.lease(placeOf('a', databaseOf('a')))
        const rows = ask(lease, 'SELECT DISTINCT tenant FROM items')
        blockFor(1_500) // longer than a switch may take; it has left, and the server answers meanwhile
        expect(await rows).to.deep.equal([{ tenant: 'a' }])
        expect(connection.unusable).to.equal(undefined)
      }),
    ))

  it('ends a connection whose session could not be set up for the next tenant', () =>
    withTenants(server, {}, ({ databaseOf, admin }) =>
      withConnection(
        server,
        async (connection) => {
          const [a, b] = ['a', 'b'].map((id) => placeOf(id, databaseOf(id))) as [Place, Place]
          expect(await ask(connection.lease(a), 'SELECT COUNT(*) AS n FROM items')).to.deep.equal([
            { n: ITEMS },
          ])
          connection.vacate()
          await admin.query(`DROP TABLE \`${databaseOf('c')}\`.items`)
          const lease = connection.lease(b)
          for (const code of ['ERR_SESSION_SETUP_FAILED', 'ERR_CONNECTION_CLOSED']) {
            expect(await rejection(ask(lease, 'SELECT tenant FROM items'))).to.include({
              code,
              tenant: 'b',
              outcome: 'not-sent',
            })
          }
          expect(connection.unusable?.reason).to.equal('switch-failed')
        },
        [`SET @items = (SELECT COUNT(*) FROM \`${databaseOf('c')}\`.items)`],
      ),
    ))
})

/** Keeps this process from everything, without keeping the processor from others. */
function blockFor(millis: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, millis)
}
