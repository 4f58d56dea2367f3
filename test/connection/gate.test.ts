import { expect } from 'chai'
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
})
