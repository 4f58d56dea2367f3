import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { expect } from 'chai'
import type { LeftoverMessage } from '../../../src/index.ts'
import { onEachServer, rejection } from '../../support/tenants.ts'
import {
  acquire,
  ask,
  expectReleased,
  expectUntouched,
  onOneConnection,
  promised,
  release,
  runAs,
  withLease,
} from './support.ts'

const WRITE = 'UPDATE items SET val = 9'

onEachServer('an open transaction at release', (server) => {
  const messages: LeftoverMessage[] = []
  const listen = (message: unknown) => void messages.push(message as LeftoverMessage)
  before(() => subscribe('tenant-knex:leftover', listen))
  after(() => unsubscribe('tenant-knex:leftover', listen))
  beforeEach(() => void messages.splice(0))

  for (const begin of ['BEGIN', 'SET autocommit = 0']) {
    it(`is rolled back and reported, also for the same tenant: ${begin}`, () =>
      onOneConnection(server, async ({ tenantKnex, databaseOf }) => {
        await runAs(tenantKnex, 'a', [begin, WRITE])
        await expectUntouched(tenantKnex, ['a'])
        expect(messages).to.have.lengthOf(1)
        expect(messages[0]).to.include({ tenant: 'a', database: databaseOf('a') })
        expect(tenantKnex.stats().servers[0].leftovers).to.equal(1)
        const [[row]] = await tenantKnex('a').raw('SELECT @@autocommit AS autocommit')
        expect(row.autocommit).to.equal(1)
      }))
  }

  it('is found also where it has not begun: autocommit off', () =>
    onOneConnection(server, async ({ tenantKnex, admin, databaseOf }) => {
      await tenantKnex('a').raw('SET autocommit = 0')
      await tenantKnex('a').raw(WRITE)
      const [rows] = await admin.query(`SELECT DISTINCT val FROM ${databaseOf('a')}.items`)
      expect(rows).to.deep.equal([{ val: 9 }])
      expect(messages.map(({ left }) => left)).to.deep.equal(['autocommit off'])
    }))

  it('takes nothing of the next one’s with it, and nothing of it is committed by the next', () =>
    onOneConnection(server, async ({ tenantKnex }) => {
      await runAs(tenantKnex, 'a', ['BEGIN', WRITE])
      await tenantKnex('b').transaction(async (trx) => trx('items').update({ val: 3 }))
      await tenantKnex('b')('items').where({ id: 1 }).update({ val: 4 })
      await expectUntouched(tenantKnex, ['a'])
      expect(await tenantKnex('b')('items').orderBy('id').pluck('val')).to.deep.equal([
        4, 3, 3, 3, 3,
      ])
    }))

  it('is found although an error was the last answer', () =>
    onOneConnection(server, async ({ tenantKnex }) => {
      await withLease(tenantKnex, 'a', async (lease) => {
        await ask(lease, 'BEGIN')
        await ask(lease, WRITE)
        await rejection(ask(lease, 'SELECT * FROM missing'))
      })
      await expectUntouched(tenantKnex, ['a'])
      expect(messages.map(({ left }) => left)).to.deep.equal(['transaction'])
    }))

  it('is found although only an error tells of it: a procedure that begins one, and fails', () =>
    onOneConnection(server, async ({ tenantKnex }) => {
      await tenantKnex('a').raw(
        `CREATE PROCEDURE failing() BEGIN START TRANSACTION; ${WRITE}; SIGNAL SQLSTATE '45000'; END`,
      )
      await rejection(tenantKnex('a').raw('CALL failing()'))
      await expectUntouched(tenantKnex, ['a'])
      expect(messages.map(({ left }) => left)).to.deep.equal(['transaction'])
    }))

  it('is not made up where there was none', () =>
    onOneConnection(server, async ({ tenantKnex }) => {
      await rejection(tenantKnex('a')('missing'))
      await tenantKnex('a').transaction(async (trx) => trx('items'))
      await expectUntouched(tenantKnex)
      expect(messages).to.deep.equal([])
    }))

  it('cannot be committed by who kept the connection', () =>
    onOneConnection(server, async ({ tenantKnex }) => {
      const kept = await acquire(tenantKnex, 'a')
      await ask(kept, 'BEGIN')
      await ask(kept, WRITE)
      await release(tenantKnex, 'a', kept)
      const next = tenantKnex('b')('items').pluck('val')
      await expectReleased(ask(kept, 'COMMIT'))
      await expectReleased(promised((callback) => kept.commit(callback)))
      expect(await next).to.deep.equal([0, 0, 0, 0, 0])
      await expectUntouched(tenantKnex)
    }))

  it('may be a prepared XA transaction: it holds up nobody but who knows of it', () =>
    onOneConnection(server, async ({ tenantKnex, admin }) => {
      const xid = `tk_${process.pid}`
      await runAs(tenantKnex, 'a', [
        `XA START '${xid}'`,
        WRITE,
        `XA END '${xid}'`,
        `XA PREPARE '${xid}'`,
      ])
      await expectUntouched(tenantKnex, ['b'])
      await admin.query(`XA ROLLBACK '${xid}'`)
      await expectUntouched(tenantKnex)
    }))
})

onEachServer('what a tenant sets for its next transaction', (server) => {
  it('is gone for the next: READ ONLY', () =>
    onOneConnection(server, async ({ tenantKnex }) => {
      await tenantKnex('a').raw('SET TRANSACTION READ ONLY')
      await tenantKnex('b')('items').update({ val: 1 })
      expect(await tenantKnex('b')('items').sum({ val: 'val' }).first()).to.deep.equal({ val: '5' })
    }))

  it('is gone for the next: the isolation level', () =>
    onOneConnection(server, async ({ tenantKnex, admin, databaseOf }) => {
      const table = `${databaseOf('b')}.items`
      await admin.query(`BEGIN; UPDATE ${table} SET val = 7`)
      await tenantKnex('a').raw('SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED')
      await expectUntouched(tenantKnex, ['b'])
      await admin.query('ROLLBACK')
    }))
})
