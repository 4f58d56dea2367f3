import { expect } from 'chai'
import { onEachServer, rejection, until } from '../../support/tenants.ts'
import {
  acquire,
  ask,
  expectReleased,
  expectUntouched,
  onOneConnection,
  prepare,
  promised,
  type RawLease,
  release,
  runPrepared,
  withLease,
} from './support.ts'

const READ = 'SELECT DISTINCT tenant FROM items'
const WRITE = 'UPDATE items SET val = val + 1'

onEachServer('a prepared statement', (server) => {
  it('of mysql2’s cache reads and writes the present tenant’s tables', () =>
    onOneConnection(server, async ({ tenantKnex }) => {
      for (const id of ['a', 'b', 'a', 'c']) {
        await withLease(tenantKnex, id, async (lease) => {
          await ask(lease, WRITE, 'execute')
          expect(await ask(lease, READ, 'execute')).to.deep.equal([{ tenant: id }])
        })
      }
      for (const [id, val] of Object.entries({ a: 2, b: 1, c: 1 })) {
        expect(await tenantKnex(id)('items').pluck('val'), id).to.deep.equal(Array(5).fill(val))
      }
    }))

  it('of mysql2’s cache is used again by the same tenant', () =>
    onOneConnection(server, async ({ tenantKnex }) => {
      for (let time = 0; time < 3; time++) {
        await withLease(tenantKnex, 'a', (lease) => ask(lease, READ, 'execute'))
      }
      expect(await withLease(tenantKnex, 'a', timesPrepared)).to.equal(1)
    }))

  it('works by its handle, as long as its connection is held', () =>
    onOneConnection(server, async ({ tenantKnex }) => {
      await withLease(tenantKnex, 'a', async (lease) => {
        const statement = await prepare(lease, READ)
        expect(await runPrepared(statement)).to.deep.equal([{ tenant: 'a' }])
        await rejection(ask(lease, 'SELECT * FROM missing'))
        expect(await runPrepared(statement)).to.deep.equal([{ tenant: 'a' }])
        lease.unprepare(READ)
        expect(await rejection(runPrepared(statement))).to.have.property('errno', 1243)
      })
    }))

  it('of a handle that was kept answers and writes nothing after the release', () =>
    onOneConnection(server, async ({ tenantKnex }) => {
      const kept = await acquire(tenantKnex, 'a')
      const read = await prepare(kept, READ)
      const write = await prepare(kept, WRITE)
      await release(tenantKnex, 'a', kept)
      for (const holder of ['a', 'b']) {
        await withLease(tenantKnex, holder, async (lease) => {
          await ask(lease, 'SELECT 1')
          await expectReleased(runPrepared(read))
          await expectReleased(runPrepared(write))
        })
      }
      await expectUntouched(tenantKnex)
    }))

  it('of a handle that was kept closes nothing of the next one’s', () =>
    onOneConnection(server, async ({ tenantKnex }) => {
      const kept = await acquire(tenantKnex, 'a')
      const statement = await prepare(kept, READ)
      await release(tenantKnex, 'a', kept)
      await withLease(tenantKnex, 'b', async (lease) => {
        const other = await prepare(lease, READ) // with the same number, as a reset counts anew
        statement.close()
        kept.unprepare(READ)
        expect(await runPrepared(other)).to.deep.equal([{ tenant: 'b' }])
        expect(await ask(lease, READ, 'execute')).to.deep.equal([{ tenant: 'b' }])
        expect(await timesPrepared(lease)).to.equal(1)
      })
    }))

  it('is prepared in the tenant’s database, also where the last statement failed', () =>
    onOneConnection(server, async ({ tenantKnex }) => {
      await withLease(tenantKnex, 'a', async (lease) => {
        await rejection(ask(lease, 'SELECT * FROM missing', 'execute'))
        expect(await ask(lease, READ, 'execute')).to.deep.equal([{ tenant: 'a' }])
      })
    }))

  it('behind a failed switch fails once, with the switch’s error', () =>
    onOneConnection(server, async ({ tenantKnex }) => {
      await withLease(tenantKnex, 'missing', async (lease) => {
        let calls = 0
        const failure = promised((callback) => {
          lease.execute('SELECT 1', (error: Error | null, rows: unknown) => {
            calls++
            callback(error, rows)
          })
        })
        expect(await rejection(failure)).to.have.property('code', 'ERR_TENANT_DATABASE_MISSING')
        await rejection(ask(lease, 'SELECT 1'))
        expect(calls).to.equal(1)
      })
      await until('the connection is free', () => tenantKnex.stats().servers[0].used === 0)
    }))
})

/** Statements that the server has prepared since the session was reset. */
async function timesPrepared(lease: RawLease): Promise<number> {
  const [row] = await ask(lease, "SHOW SESSION STATUS LIKE 'Com_stmt_prepare'")
  return Number(row?.Value)
}
