import { expect } from 'chai'
import mysql from 'mysql2'
import { openConnection } from '../../../src/connection/connect.ts'
import type { Gate } from '../../../src/connection/gate.ts'
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

async function withGate(
  server: TestServer,
  test: (gate: Gate) => Promise<void>,
  session: readonly string[] = [],
): Promise<void> {
  const { options } = await resolveOptions({ connection: server.url }).connect()
  const events = { onSwitch: () => undefined, onRefusal: () => undefined }
  const { gate } = await openConnection(
    options,
    {
      name: 'default',
      server: 'default',
      session,
      switchTimeoutMillis: 1_000,
      switching: 'roundtrip',
      confirmedAt: new WeakMap(),
      events,
    },
    AbortSignal.timeout(5_000),
  )
  try {
    await test(gate)
  } finally {
    await gate.close()
  }
}

const ask = (on: { query(...args: unknown[]): unknown }, sql: string) =>
  new Promise((resolve, reject) => {
    on.query(sql, (error: Error | null, rows: unknown) => (error ? reject(error) : resolve(rows)))
  })

onEachServer('the gate', (server) => {
  it('knows that the server confirms databases by itself', () =>
    withGate(server, async (gate) => {
      expect(gate.isTracked).to.equal(true)
      expect(gate.state.database).to.equal('information_schema')
    }))

  it('lets nothing pass that did not come through a lease', () =>
    withGate(server, async (gate) => {
      gate.lease(placeOf('a', 'information_schema'))
      const error = await rejection(ask(gate.connection as never, 'SELECT 1'))
      expect(error).to.include({ code: 'ERR_WRONG_TENANT', outcome: 'not-sent' })
    }))

  it('lets nothing pass that came through the lease of another than the holder', () =>
    withTenants(server, {}, async ({ databaseOf }) =>
      withGate(server, async (gate) => {
        const first = gate.lease(placeOf('a', databaseOf('a')))
        const second = gate.lease(placeOf('b', databaseOf('b')))
        expect(await rejection(ask(first, 'SELECT tenant FROM items'))).to.include({
          code: 'ERR_WRONG_TENANT',
          tenant: 'a',
          outcome: 'not-sent',
        })
        expect(await ask(second, 'SELECT DISTINCT tenant FROM items')).to.deep.equal([
          { tenant: 'b' },
        ])
        gate.vacate()
        expect(await rejection(ask(second, 'SELECT 1'))).to.have.property(
          'code',
          'ERR_WRONG_TENANT',
        )
      }),
    ))

  it('lets no value switch session tracking off, in whatever form mysql2 takes it', () =>
    withGate(server, async (gate) => {
      const lease = gate.lease(placeOf('a', 'information_schema'))
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
    withGate(server, async (gate) => {
      const place = placeOf('a', 'information_schema')
      const former = gate.lease(place)
      await ask(former, 'SELECT 1')
      former.revoke()
      gate.vacate()
      const present = gate.lease(place)
      former.pause()
      former.destroy()
      former.end()
      former.__knex__disposed = new Error('too late')
      expect(gate.connection._paused).to.equal(false)
      expect(gate.isUsable).to.equal(true)
      expect(await ask(present, 'SELECT 1 AS one')).to.deep.equal([{ one: 1 }])
      present.pause()
      former.resume()
      expect(gate.connection._paused).to.equal(true)
      present.resume()
    }))

  it('takes nothing once its holder has gone, and does not rely on what it knows of no server', () =>
    withGate(server, async (gate) => {
      const place = placeOf('a', 'information_schema')
      gate.lease(place)
      gate.vacate()
      expect(gate.holder).to.equal(undefined)
      gate.lease(place)
      expect(gate.state.database).to.equal('information_schema')
      gate.isTracked = false // as where a proxy keeps it from us
      gate.lease(place)
      expect(gate.state.database).to.equal(undefined)
      expect(gate.state.need(place)).to.equal('confirm')
    }))

  it('does not give up a switch that was answered while this process was busy', () =>
    withTenants(server, {}, ({ databaseOf }) =>
      withGate(server, async (gate) => {
        const lease = gate.lease(placeOf('a', databaseOf('a')))
        const rows = ask(lease, 'SELECT DISTINCT tenant FROM items')
        blockFor(1_500) // longer than a switch may take; it has left, and the server answers meanwhile
        expect(await rows).to.deep.equal([{ tenant: 'a' }])
        expect(gate.disposal).to.equal(undefined)
      }),
    ))

  it('ends a connection whose session could not be set up for the next tenant', () =>
    withTenants(server, {}, ({ databaseOf, admin }) =>
      withGate(
        server,
        async (gate) => {
          const [a, b] = ['a', 'b'].map((id) => placeOf(id, databaseOf(id))) as [Place, Place]
          expect(await ask(gate.lease(a), 'SELECT COUNT(*) AS n FROM items')).to.deep.equal([
            { n: ITEMS },
          ])
          gate.vacate()
          await admin.query(`DROP TABLE \`${databaseOf('c')}\`.items`)
          const lease = gate.lease(b)
          for (const code of ['ERR_SESSION_SETUP_FAILED', 'ERR_CONNECTION_CLOSED']) {
            expect(await rejection(ask(lease, 'SELECT tenant FROM items'))).to.include({
              code,
              tenant: 'b',
              outcome: 'not-sent',
            })
          }
          expect(gate.disposal?.reason).to.equal('switch-failed')
        },
        [`SET @items = (SELECT COUNT(*) FROM \`${databaseOf('c')}\`.items)`],
      ),
    ))
})

/** Keeps this process from everything, without keeping the processor from others. */
function blockFor(millis: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, millis)
}
