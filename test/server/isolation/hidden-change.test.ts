import { expect } from 'chai'
import { onEachServer, rejection, urlOptions } from '../../support/tenants.ts'
import {
  acquire,
  ask,
  drain,
  expectUntouched,
  expectWithheld,
  onOneConnection,
  type RawLease,
  type Row,
  release,
  tenantsRead,
  withLease,
} from './support.ts'

const READ = 'SELECT DISTINCT tenant FROM items'

/** A USE that no text shows, as MariaDB allows it in blocks and procedures; MySQL does not. */
onEachServer('a hidden change of the database', (server) => {
  if (server.name !== 'MariaDB') return
  const use = (database: string) => `EXECUTE IMMEDIATE CONCAT('U', 'SE ', '${database}')`
  const block = (...statements: string[]) => `BEGIN NOT ATOMIC ${statements.join('; ')}; END`
  const fail = "SIGNAL SQLSTATE '45000'"
  const readThere = `EXECUTE IMMEDIATE '${READ}'`

  it('by EXECUTE IMMEDIATE: the result is withheld', () =>
    onOneConnection(server, async ({ tenantKnex, databaseOf }) => {
      await expectWithheld(tenantKnex('a').raw(use(databaseOf('b'))))
      expect(await tenantsRead(tenantKnex, 'a')).to.deep.equal(['a'])
    }))

  for (const method of ['query', 'execute'] as const) {
    it(`in a block that comes back: the result is withheld, by ${method}`, () =>
      onOneConnection(server, async ({ tenantKnex, databaseOf }) => {
        const sql = block(use(databaseOf('b')), readThere, use(databaseOf('a')))
        await withLease(tenantKnex, 'a', (lease) => expectWithheld(ask(lease, sql, method)))
      }))
  }

  it('in a block whose handler keeps the error to itself: the result is withheld', () =>
    onOneConnection(server, async ({ tenantKnex, databaseOf }) => {
      const handler = 'DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END'
      await expectWithheld(tenantKnex('a').raw(block(handler, use(databaseOf('b')), fail)))
      const exit = 'DECLARE EXIT HANDLER FOR SQLEXCEPTION SELECT * FROM items'
      await expectWithheld(tenantKnex('a').raw(block(exit, use(databaseOf('b')), fail)))
    }))

  describe('that an error follows, so that the server tells nothing of it', () => {
    it('in a block: the next statement runs at home', () =>
      onOneConnection(server, async ({ tenantKnex, databaseOf }) => {
        await withLease(tenantKnex, 'a', async (lease) => {
          await rejection(ask(lease, block(use(databaseOf('b')), fail)))
          expect(await ask(lease, READ)).to.deep.equal([{ tenant: 'a' }])
        })
      }))

    it('in a procedure: the next statement runs at home, whoever sends it', () =>
      onOneConnection(server, async ({ tenantKnex, databaseOf }) => {
        const body = `BEGIN ${use(databaseOf('b'))}; ${fail}; END`
        await tenantKnex('a').raw(`CREATE PROCEDURE astray() ${body}`)
        for (const id of ['a', 'c']) {
          await rejection(tenantKnex('a').raw('CALL astray()'))
          expect(await tenantsRead(tenantKnex, id)).to.deep.equal([id])
        }
      }))

    it('with commands queued behind it: they run at home', () =>
      onOneConnection(server, async ({ tenantKnex, databaseOf }) => {
        const lease = await acquire(tenantKnex, 'a')
        const change = rejection(ask(lease, block(use(databaseOf('b')), fail)))
        const write = ask(lease, 'UPDATE items SET val = 66')
        const read = ask(lease, READ, 'execute')
        await Promise.all([change, write])
        expect(await read).to.deep.equal([{ tenant: 'a' }])
        await release(tenantKnex, 'a', lease)
        await expectUntouched(tenantKnex, ['b'])
      }))

    it('in a transaction: its rows stay, and all of it runs at home', () =>
      onOneConnection(server, async ({ tenantKnex, databaseOf }) => {
        await tenantKnex('a').transaction(async (trx) => {
          await trx('items').where({ id: 1 }).update({ val: 5 })
          await rejection(trx.raw(block(use(databaseOf('b')), fail)))
          await trx('items').where({ id: 2 }).update({ val: 6 })
        })
        expect(await tenantKnex('a')('items').orderBy('id').pluck('val')).to.deep.equal([
          5, 6, 0, 0, 0,
        ])
        await expectUntouched(tenantKnex, ['b'])
      }))
  })

  describe('that hands rows out before the answer that tells of it', () => {
    const sqlFor = (database: string) => block(use(database), readThere)

    for (const method of ['query', 'execute'] as const) {
      it(`hands out none by a stream, by ${method}`, () =>
        onOneConnection(server, async ({ tenantKnex, databaseOf }) => {
          await withLease(tenantKnex, 'a', async (lease) => {
            const { rows, error } = await drain(lease[method](sqlFor(databaseOf('b'))).stream())
            expect(error).to.include({ code: 'ERR_WRONG_TENANT', outcome: 'executed' })
            expect(rows).to.deep.equal([])
          })
          expect(await tenantsRead(tenantKnex, 'a')).to.deep.equal(['a'])
        }))

      it(`hands out none to a typeCast, by ${method}`, () =>
        onOneConnection(server, async ({ tenantKnex, databaseOf }) => {
          const seen: unknown[] = []
          const sql = sqlFor(databaseOf('b'))
          await withLease(tenantKnex, 'a', async (lease) => {
            await expectWithheld(ask(lease, { sql, typeCast: spy(seen) }, method))
          })
          expect(seen).to.deep.equal([])
        }))
    }

    for (const typeCast of [undefined, true, false, null]) {
      it(`hands out none to the connection’s typeCast, with the statement’s ${typeCast}`, () => {
        const seen: unknown[] = []
        const connection = { ...urlOptions(server.url), typeCast: spy(seen) }
        // mysql2 keeps its readers by the names of columns: one of another statement's has no typeCast.
        const read = `EXECUTE IMMEDIATE 'SELECT tenant AS cast_by_${typeCast} FROM items'`
        return onOneConnection(
          server,
          async ({ tenantKnex, databaseOf }) => {
            const sql = block(use(databaseOf('b')), read)
            await withLease(tenantKnex, 'a', async (lease) => {
              await expectWithheld(ask(lease, { sql, typeCast }))
            })
            expect(seen).to.deep.equal([])
          },
          { connection },
        )
      })
    }

    it('hands out none where an error came in between, and a handler kept it to itself', () =>
      onOneConnection(server, async ({ tenantKnex, databaseOf }) => {
        for (const kind of ['CONTINUE', 'EXIT']) {
          const handler = `DECLARE ${kind} HANDLER FOR SQLEXCEPTION ${readThere}`
          const sql = block(handler, use(databaseOf('b')), fail)
          await withLease(tenantKnex, 'a', async (lease) => {
            const { rows, error } = await drain(lease.query(sql).stream())
            expect(error).to.include({ code: 'ERR_WRONG_TENANT', outcome: 'executed' })
            expect(rows).to.deep.equal([])
          })
        }
      }))

    it('hands out none by a Knex stream', () =>
      onOneConnection(server, async ({ tenantKnex, databaseOf }) => {
        const stream = tenantKnex('a')
          .raw(sqlFor(databaseOf('b')))
          .stream()
        const { rows, error } = await drain(stream)
        expect(error).to.include({ code: 'ERR_WRONG_TENANT', outcome: 'executed' })
        expect(rows).to.deep.equal([])
      }))

    it('is not taken for one where a procedure only reads', () =>
      onOneConnection(server, async ({ tenantKnex }) => {
        await tenantKnex('a').raw(`CREATE PROCEDURE reading() ${READ}`)
        await withLease(tenantKnex, 'a', async (lease: RawLease) => {
          const seen: unknown[] = []
          const { rows } = await drain(lease.query('CALL reading()').stream())
          expect(rows[0] as Row).to.deep.equal({ tenant: 'a' })
          await ask(lease, { sql: 'CALL reading()', typeCast: spy(seen) })
          expect(seen).to.deep.equal(['a'])
        })
      }))
  })
})

/** A `typeCast` that keeps what it is shown. */
function spy(seen: unknown[]) {
  return (_field: unknown, next: () => unknown): unknown => {
    const value = next()
    seen.push(value)
    return value
  }
}
