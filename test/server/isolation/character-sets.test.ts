import { expect } from 'chai'
import { onEachServer } from '../../support/tenants.ts'
import { ask, onOneConnection, runAs, withLease } from './support.ts'

/** In gbk the bytes 81 5C are one character; as UTF-8 the second is a backslash. */
const BROKEN_IN_GBK = '乗'

/**
 * A reset gives the server its own character set back, and leaves mysql2 with the last tenant's: one
 * escapes in another character set than the other reads.
 */
onEachServer('a character set that a tenant left', (server) => {
  for (const method of ['query', 'execute'] as const) {
    it(`cannot break a value out of its quotes in a read, by ${method}`, () =>
      onOneConnection(server, async ({ tenantKnex }) => {
        await tenantKnex('a').raw('SET NAMES gbk')
        const value = `${BROKEN_IN_GBK}' OR tenant <> 'x`
        await withLease(tenantKnex, 'b', async (lease) => {
          const sql = 'SELECT * FROM items WHERE tenant = ?'
          expect(await ask(lease, { sql, values: [value] }, method)).to.deep.equal([])
        })
      }))
  }

  it('cannot break a value out of its quotes in a write', () =>
    onOneConnection(server, async ({ tenantKnex }) => {
      await tenantKnex('a').raw('SET NAMES gbk')
      const value = `${BROKEN_IN_GBK}', val = 66 -- `
      await tenantKnex('b')('items').where({ id: 1 }).update({ tenant: value })
      expect(await tenantKnex('b')('items').orderBy('id').select('tenant', 'val')).to.deep.equal([
        { tenant: value, val: 0 },
        ...Array.from({ length: 4 }, () => ({ tenant: 'b', val: 0 })),
      ])
    }))

  for (const left of ['gbk', 'latin1', 'binary', 'utf8mb4 COLLATE utf8mb4_bin']) {
    it(`does not change what the next one writes and reads: ${left}`, () =>
      onOneConnection(server, async ({ tenantKnex }) => {
        await tenantKnex('a').raw(`SET NAMES ${left}`)
        const text = '日本 ü 😀'
        await tenantKnex('b')('items').where({ id: 1 }).update({ tenant: text })
        const row = await tenantKnex('b')('items').where({ tenant: text }).first('id', 'tenant')
        expect(row).to.deep.equal({ id: 1, tenant: text })
      }))
  }

  it('stays with the raw connection that the tenant holds', () =>
    onOneConnection(server, async ({ tenantKnex }) => {
      await withLease(tenantKnex, 'a', async (lease) => {
        await ask(lease, 'SET NAMES latin1')
        expect(await ask(lease, "SELECT 'ü' AS text")).to.deep.equal([{ text: 'ü' }])
        const [row] = await ask(lease, 'SELECT @@character_set_client AS charset')
        expect(row).to.deep.equal({ charset: 'latin1' })
      })
      await runAs(tenantKnex, 'b', ['SELECT 1'])
    }))
})
