import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import type { RowDataPacket } from 'mysql2/promise'
import type { TenantKnex } from '../../../src/index.ts'
import { onEachServer, type TestTenants, until, urlOptions } from '../../support/tenants.ts'
import { ask, expectUntouched, onOneConnection, withLease } from './support.ts'

const LOAD = `LOAD DATA LOCAL INFILE 'items.csv' IGNORE INTO TABLE items (tenant, val)`

/** As many rows as it takes for the next packet of the connection to be numbered as a command's. */
const ROWS = 251

/** What a stream may do wrong: go on after its error, and be there when its command has ended. */
function unruly(): Readable {
  return new Readable({ read: () => undefined, autoDestroy: false })
}

onEachServer('the file of a LOAD DATA LOCAL', (server) => {
  const withFiles = (test: (context: TestTenants) => Promise<void>): Promise<void> => {
    const connection = { ...urlOptions(server.url), flags: ['LOCAL_FILES'] }
    return onOneConnection(
      server,
      async (context) => {
        const { admin } = context
        const [[before]] = await admin.query<RowDataPacket[]>(
          'SELECT @@GLOBAL.local_infile AS files',
        )
        await admin.query('SET GLOBAL local_infile = 1')
        try {
          await test(context)
        } finally {
          await admin.query('SET GLOBAL local_infile = ?', [before?.files])
        }
      },
      { connection },
    )
  }

  /** Loads for tenant a from a stream, and gives what became of it. */
  const load = (tenantKnex: TenantKnex, file: Readable): Promise<unknown> =>
    withLease(tenantKnex, 'a', (lease) =>
      ask(lease, { sql: LOAD, infileStreamFactory: () => file }).catch(({ message }) => message),
    )

  it('is read to its end', () =>
    withFiles(async ({ tenantKnex }) => {
      await load(tenantKnex, Readable.from([Buffer.from('a\t7\n'), Buffer.from('a\t8\n')]))
      expect(await tenantKnex('a')('items').where('val', '>', 6).pluck('val')).to.have.members([
        7, 8,
      ])
      await expectUntouched(tenantKnex, ['b'])
    }))

  it('sends nothing once it has failed, though it goes on: not in the next tenant’s session', () =>
    withFiles(async ({ tenantKnex, admin, databaseOf }) => {
      const file = unruly()
      const loaded = load(tenantKnex, file)
      await until('the server asks for it', () => file.listenerCount('error') > 0)
      file.emit('error', new Error('The disk is gone.'))
      expect(await loaded).to.equal('The disk is gone.')
      await withLease(tenantKnex, 'b', async (lease) => {
        const rows = await ask(
          lease,
          `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS})
            SELECT i FROM n`,
        )
        expect(rows).to.have.lengthOf(ROWS)
        const command = server.name === 'MySQL' ? [3, 0, 1] : [3]
        file.push(Buffer.concat([Buffer.from(command), Buffer.from('UPDATE items SET val = 66')]))
        await sleep(50)
        const [vals] = await admin.query(`SELECT DISTINCT val FROM ${databaseOf('b')}.items`)
        expect(vals).to.deep.equal([{ val: 0 }])
        expect(await ask(lease, 'SELECT DISTINCT val FROM items')).to.deep.equal([{ val: 0 }])
      })
      expect(tenantKnex.stats().servers[0]).to.include({ connects: 1, discards: 0 })
    }))

  it('may fail once more when its command has ended', () =>
    withFiles(async ({ tenantKnex }) => {
      const file = unruly()
      const loaded = load(tenantKnex, file)
      await until('the server asks for it', () => file.listenerCount('error') > 0)
      file.emit('error', new Error('The disk is gone.'))
      await loaded
      file.emit('error', new Error('It is still gone.'))
      await expectUntouched(tenantKnex)
      expect(tenantKnex.stats().servers[0]).to.include({ connects: 1, discards: 0 })
    }))
})
