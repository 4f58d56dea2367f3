import { expect } from 'chai'
import type { RowDataPacket } from 'mysql2/promise'
import { withProxy } from '../../support/proxy.ts'
import {
  ITEMS,
  onEachServer,
  rejection,
  type TestTenants,
  urlOptions,
  withTenants,
} from '../../support/tenants.ts'
import { acquire, ask, release } from './support.ts'

type Switching = 'auto' | 'pipelined' | 'roundtrip'

/** Tenants whose rights on their database can be taken away, and given back. */
interface RevocableTenants extends TestTenants {
  revoke(tenantId: string): Promise<void>
  grant(tenantId: string): Promise<void>
}

onEachServer('a switch that is refused under its holder', (server) => {
  const user = `tk_revoked_${process.pid}`

  const withRevocable = (
    switching: Switching,
    test: (context: RevocableTenants) => Promise<void>,
  ): Promise<void> =>
    withTenants(server, {}, async ({ admin, databaseOf, url }) => {
      const change = (what: string) => (id: string) =>
        admin.query(what, [`${databaseOf(id)}`]).then(() => undefined)
      const grant = change(`GRANT ALL ON ??.* TO ${user}@'%'`)
      const revoke = change(`REVOKE ALL ON ??.* FROM ${user}@'%'`)
      await admin.query(`CREATE USER ${user}@'%'`)
      try {
        await grant('a')
        await grant('b')
        const connection = { ...urlOptions(url), user, password: '' }
        const options = { connection, database: databaseOf, pool: { max: 1 }, switching }
        await withTenants(server, { ...options, tenants: [] }, async (context) => {
          await context.tenantKnex('b')('items')
          await context.tenantKnex('a')('items')
          await test({ ...context, databaseOf, revoke, grant })
        })
      } finally {
        await admin.query(`DROP USER ${user}@'%'`)
      }
    })

  const countOf = async ({ admin, databaseOf }: TestTenants, tenant: string): Promise<number> => {
    const [[row]] = await admin.query<RowDataPacket[]>(
      'SELECT COUNT(*) AS n FROM ??.items WHERE tenant = ?',
      [databaseOf('a'), tenant],
    )
    return row?.n
  }

  for (const switching of ['auto', 'pipelined'] as const) {
    it(`ends its transaction: no COMMIT is acknowledged without its writes, ${switching}`, () =>
      withRevocable(switching, async (context) => {
        const { tenantKnex, revoke, grant } = context
        const outcomes: string[] = []
        const error = await rejection(
          tenantKnex('a').transaction(async (trx) => {
            await trx('items').insert({ tenant: 'first', val: 1 })
            await rejection(trx('items').insert({ id: 1, tenant: 'twice', val: 1 }))
            await revoke('a')
            outcomes.push((await rejection(trx('items').where({ id: 1 }))).code)
            await grant('a')
            outcomes.push((await rejection(trx('items').insert({ tenant: 'next', val: 1 }))).code)
          }),
        )
        expect(outcomes).to.deep.equal(['ERR_TENANT_DATABASE_DENIED', 'ERR_CONNECTION_CLOSED'])
        expect(error).to.include({ code: 'ERR_CONNECTION_CLOSED', outcome: 'not-sent' })
        expect(await countOf(context, 'first')).to.equal(0)
        expect(await countOf(context, 'next')).to.equal(0)
        expect(await tenantKnex('a')('items').distinct().pluck('tenant')).to.deep.equal(['a'])
        expect(await tenantKnex('b')('items').distinct().pluck('tenant')).to.deep.equal(['b'])
      }))
  }

  it('leaves its transaction as it is if the statement has waited for it', () =>
    withRevocable('roundtrip', async (context) => {
      const { tenantKnex, revoke, grant } = context
      await tenantKnex('a').transaction(async (trx) => {
        await trx('items').insert({ tenant: 'first', val: 1 })
        await rejection(trx('items').insert({ id: 1, tenant: 'twice', val: 1 }))
        await revoke('a')
        const { code } = await rejection(trx('items').where({ id: 1 }))
        expect(code).to.equal('ERR_TENANT_DATABASE_DENIED')
        await grant('a')
        expect(await trx('items')).to.have.lengthOf(ITEMS + 1)
      })
      expect(await countOf(context, 'first')).to.equal(1)
    }))

  it('says that the connection was closed, and what that ends', () =>
    withRevocable('auto', async ({ tenantKnex, revoke }) => {
      const a = tenantKnex('a')
      const trx = await a.transaction()
      await rejection(trx('items').insert({ id: 1, tenant: 'twice', val: 1 }))
      await revoke('a')
      const { message } = await rejection(trx('items').where({ id: 1 }))
      expect(message).to.contain('The connection was closed')
      expect(await rejection(trx.commit())).to.include({ code: 'ERR_CONNECTION_CLOSED' })
    }))

  it('closes no connection if nobody holds anything in its session', () =>
    withProxy(server.url, (proxy) =>
      withTenants(
        server,
        { connection: proxy.url, pool: { max: 1 }, switching: 'pipelined' },
        async ({ tenantKnex }) => {
          for (const id of ['nobody', 'nobody', 'a', 'nobody', 'nobody']) {
            if (id === 'a') await tenantKnex(id)('items')
            else await rejection(tenantKnex(id)('items'))
          }
          expect(proxy.accepted).to.equal(1)
        },
      ),
    ))

  it('keeps its statement out of the database that the session was cleaned in', () =>
    withRevocable('pipelined', async (context) => {
      const { tenantKnex, revoke } = context
      const lease = await acquire(tenantKnex, 'a')
      await ask(lease, 'START TRANSACTION')
      await release(tenantKnex, 'a', lease)
      await revoke('b')
      const { code } = await rejection(
        tenantKnex('b')('items').insert({ tenant: 'astray', val: 1 }),
      )
      expect(code).to.equal('ERR_TENANT_DATABASE_DENIED')
      expect(await countOf(context, 'astray')).to.equal(0)
    }))

  it('never resets the session of a raw connection that is held', () =>
    withRevocable('pipelined', async ({ tenantKnex, revoke, grant }) => {
      const lease = await acquire(tenantKnex, 'a')
      await ask(lease, 'SET @mine = 7')
      await ask(lease, "SELECT GET_LOCK('tk_refused_switch', 0)")
      await rejection(ask(lease, 'SELECT * FROM nowhere'))
      await revoke('a')
      const first = await rejection(ask(lease, 'SELECT * FROM items'))
      expect(first).to.include({ code: 'ERR_TENANT_DATABASE_DENIED', outcome: 'failed' })
      await grant('a')
      const { code } = await rejection(ask(lease, 'SELECT @mine AS mine'))
      expect(code).to.equal('ERR_CONNECTION_CLOSED')
      await release(tenantKnex, 'a', lease)
      expect(await tenantKnex('a')('items').distinct().pluck('tenant')).to.deep.equal(['a'])
    }))
})
