import { expect } from 'chai'
import mysql from 'mysql2'
import { openConnection } from '../../src/connection/connect.ts'
import type { Gate } from '../../src/connection/gate.ts'
import { resolveOptions } from '../../src/options.ts'
import { onEachServer, rejection, type TestServer, withTenants } from '../support/tenants.ts'

async function withGate(server: TestServer, test: (gate: Gate) => Promise<void>): Promise<void> {
  const { options } = await resolveOptions({ connection: server.url }).connect()
  const events = { onSwitch: () => undefined, onRefusal: () => undefined }
  const { gate } = await openConnection(
    options,
    { session: [], switchTimeoutMillis: 1_000, events },
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
      gate.lease({ id: 'a', database: 'information_schema' })
      const error = await rejection(ask(gate.connection as never, 'SELECT 1'))
      expect(error).to.include({ code: 'ERR_WRONG_TENANT', outcome: 'not-sent' })
    }))

  it('lets nothing pass that came through the lease of another than the holder', () =>
    withTenants(server, {}, async ({ databaseOf }) =>
      withGate(server, async (gate) => {
        const [a, b] = ['a', 'b'].map((id) => ({ id, database: databaseOf(id) }))
        const first = gate.lease(a as never)
        const second = gate.lease(b as never)
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
      const lease = gate.lease({ id: 'a', database: 'information_schema' })
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
})
