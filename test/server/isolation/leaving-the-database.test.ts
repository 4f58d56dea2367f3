import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect } from 'chai'
import { onEachServer, rejection, until } from '../../support/tenants.ts'
import {
  acquire,
  ask,
  drain,
  expectUntouched,
  expectWithheld,
  onOneConnection,
  prepare,
  promised,
  release,
  tenantsRead,
  withLease,
  withMultipleStatements,
} from './support.ts'

onEachServer('leaving the database', (server) => {
  it('by USE is refused unsent, by query, execute and prepare', () =>
    onOneConnection(server, async ({ tenantKnex, databaseOf }) => {
      const use = `USE ${databaseOf('b')}`
      const refusal = { code: 'ERR_STATEMENT_REFUSED', outcome: 'not-sent', tenant: 'a' }
      expect(await rejection(tenantKnex('a').raw(use))).to.include(refusal)
      await withLease(tenantKnex, 'a', async (lease) => {
        for (const attempt of [ask(lease, use), ask(lease, use, 'execute'), prepare(lease, use)]) {
          expect(await rejection(attempt)).to.include(refusal)
        }
        expect(await ask(lease, 'SELECT DISTINCT tenant FROM items')).to.deep.equal([
          { tenant: 'a' },
        ])
      })
    }))

  it('by changeUser or reset is refused', () =>
    onOneConnection(server, async ({ tenantKnex, databaseOf }) => {
      await withLease(tenantKnex, 'a', async (lease) => {
        const options = { database: databaseOf('b') }
        for (const attempt of [
          promised((callback) => lease.changeUser(options, callback)),
          promised((callback) => lease.reset(callback)),
        ]) {
          expect(await rejection(attempt)).to.have.property('code', 'ERR_STATEMENT_REFUSED')
        }
      })
      expect(await tenantsRead(tenantKnex, 'a')).to.deep.equal(['a'])
    }))

  it('inside several statements: the result is withheld, the connection closed', () =>
    withMultipleStatements(server, async ({ tenantKnex, databaseOf }) => {
      await expectWithheld(
        tenantKnex('a').raw(`SELECT 1; USE ${databaseOf('b')}; SELECT * FROM items`),
      )
      expect(await tenantsRead(tenantKnex, 'a')).to.deep.equal(['a'])
      expect(tenantKnex.stats().servers[0].discards).to.equal(1)
    }))

  it('inside several statements that come back: the result is withheld', () =>
    withMultipleStatements(server, async ({ tenantKnex, databaseOf }) => {
      await expectWithheld(
        tenantKnex('a').raw(
          `SELECT 1; USE ${databaseOf('b')}; SELECT * FROM items; USE ${databaseOf('a')}`,
        ),
      )
    }))

  it('inside several statements that then fail: what was read is withheld', () =>
    withMultipleStatements(server, async ({ tenantKnex, databaseOf }) => {
      await expectWithheld(
        tenantKnex('a').raw(`SELECT 1; USE ${databaseOf('b')}; SELECT * FROM missing`),
      )
      await expectUntouched(tenantKnex)
    }))

  it('inside several statements that stream rows: those behind the USE are not handed out', () =>
    withMultipleStatements(server, async ({ tenantKnex, databaseOf }) => {
      await withLease(tenantKnex, 'a', async (lease) => {
        const select = 'SELECT tenant FROM items LIMIT 1'
        const sql = `${select}; USE ${databaseOf('b')}; ${select}`
        const { rows, error } = await drain(lease.query(sql).stream())
        expect(error).to.include({ code: 'ERR_WRONG_TENANT', outcome: 'executed' })
        expect(rows).not.to.deep.include({ tenant: 'b' })
      })
    }))

  it('with commands queued behind it: none of them runs', () =>
    withMultipleStatements(server, async ({ tenantKnex, databaseOf }) => {
      const lease = await acquire(tenantKnex, 'a')
      const change = expectWithheld(ask(lease, `DO 1; USE ${databaseOf('b')}`))
      const write = 'UPDATE items SET val = 66'
      const queued = [ask(lease, write), ask(lease, write, 'execute'), prepare(lease, write)]
      const errors = await Promise.all(queued.map(rejection))
      await change
      for (const error of errors) {
        expect(error).to.include({ code: 'ERR_CONNECTION_CLOSED', outcome: 'not-sent' })
      }
      await release(tenantKnex, 'a', lease)
      await expectUntouched(tenantKnex)
    }))

  it('with a stream queued behind it: it hears of one error', () =>
    withMultipleStatements(server, async ({ tenantKnex, databaseOf }) => {
      const lease = await acquire(tenantKnex, 'a')
      const change = expectWithheld(ask(lease, `DO 1; USE ${databaseOf('b')}`))
      const errors: unknown[] = []
      const queued = lease.query('SELECT * FROM items')
      queued.on('error', (error) => errors.push(error))
      await change
      await release(tenantKnex, 'a', lease)
      await until('the connection is closed', () => tenantKnex.connections().length === 0)
      await nextTurn()
      expect(errors).to.have.lengthOf(1)
      expect(errors[0]).to.include({ code: 'ERR_CONNECTION_CLOSED', outcome: 'not-sent' })
    }))

  it('by dropping it: the next statement is told, and runs nowhere', () =>
    onOneConnection(server, async ({ tenantKnex, admin, databaseOf }) => {
      await withLease(tenantKnex, 'c', async (lease) => {
        await ask(lease, `DROP DATABASE ${databaseOf('c')}`)
        const error = await rejection(ask(lease, 'CREATE TABLE astray (id INT)'))
        expect(error).to.have.property('code', 'ERR_TENANT_DATABASE_MISSING')
        await admin.query(`CREATE DATABASE ${databaseOf('c')}`)
        await ask(lease, 'CREATE TABLE found (id INT)')
      })
      expect(await tenantKnex('c').schema.hasTable('found')).to.equal(true)
    }))
})
