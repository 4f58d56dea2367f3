import { expect } from 'chai'
import { createTenantKnex, TenantKnexError } from '../../src/index.ts'
import { withProxy } from '../support/proxy.ts'
import {
  ITEMS,
  type Item,
  onEachServer,
  rejection,
  thrown,
  until,
  urlOptions,
  withTenants,
} from '../support/tenants.ts'

describe('given code that destroys the ambient Knex', () => {
  const tenantKnex = createTenantKnex({ connection: {} })

  it('when no tenant is in scope, then it is told what to use', async () => {
    const error = await rejection(tenantKnex.ambient.destroy())
    expect(error.code).to.equal('ERR_NO_TENANT')
    expect(error.message).to.include('Use tenantKnex.destroy()')
  })

  it('when one is, then that does nothing, as the pool is shared', () =>
    tenantKnex.run('a', () => tenantKnex.ambient.destroy()))
})

describe('given code that asks for the tenant in scope', () => {
  const tenantKnex = createTenantKnex({ connection: {} })

  it('when there is none, then `tenant` is undefined and nothing is thrown', () => {
    expect(tenantKnex.tenant).to.equal(undefined)
  })

  it('when there is one, then `tenant` is the one of its Knex, of the innermost scope', async () => {
    await tenantKnex.run('a', async (a) => {
      expect(tenantKnex.tenant).to.equal(a.tenant)
      expect(tenantKnex.ambient.tenant).to.equal(a.tenant)
      await tenantKnex.run('b', () => expect(tenantKnex.tenant?.id).to.equal('b'))
      expect(tenantKnex.tenant?.id).to.equal('a')
    })
    expect(tenantKnex.tenant).to.equal(undefined)
  })
})

onEachServer('tenantKnex', (server) => {
  describe('bound to a tenant', () => {
    it('reads and writes that tenant’s database, through one connection for all', () =>
      withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex, connectionsSeen }) => {
        for (const round of [1, 2, 3]) {
          for (const id of ['a', 'b', 'c']) {
            await tenantKnex(id)('items').where({ id: 1 }).increment('val', round)
            const rows = await tenantKnex(id)<Item>('items').select()
            expect(rows).to.have.lengthOf(ITEMS)
            for (const row of rows) expect(row.tenant).to.equal(id)
          }
        }
        for (const id of ['a', 'b', 'c']) {
          expect(await tenantKnex(id)('items').sum({ val: 'val' }).first()).to.deep.include({
            val: '6',
          })
        }
        expect(await connectionsSeen()).to.equal(1)
      }))

    it('is the same object every time', () =>
      withTenants(server, {}, async ({ tenantKnex }) => {
        expect(tenantKnex('a')).to.equal(tenantKnex('a'))
        expect(tenantKnex('a')).not.to.equal(tenantKnex('b'))
      }))

    it('tells its tenant', () =>
      withTenants(server, {}, async ({ tenantKnex, databaseOf }) => {
        expect(tenantKnex('a').tenant).to.deep.equal({ id: 'a', database: databaseOf('a') })
        expect(tenantKnex('a').name).to.equal('knex')
        expect(tenantKnex('a').client.database()).to.equal(databaseOf('a'))
        expect(tenantKnex('a').client.config.client).to.equal('mysql2')
      }))

    it('survives its own destroy, which has nothing to destroy', () =>
      withTenants(server, {}, async ({ tenantKnex }) => {
        await tenantKnex('a').destroy()
        expect(await tenantKnex('a')('items').pluck('tenant')).to.have.lengthOf(ITEMS)
      }))

    it('serves many tenants at once over a small pool', () =>
      withTenants(server, { pool: { max: 2 } }, async ({ tenantKnex, connectionsSeen }) => {
        const asks = Array.from({ length: 200 }, (_, index) => 'abc'[index % 3] as string)
        await Promise.all(
          asks.map(async (id) => {
            expect(await tenantKnex(id)('items').distinct().pluck('tenant')).to.deep.equal([id])
          }),
        )
        expect(await connectionsSeen()).to.be.at.most(2)
      }))
  })

  describe('a switch', () => {
    it('goes out in one write, and the same tenant again sends its statement only', () =>
      withProxy(server.url, (proxy) =>
        withTenants(server, { connection: proxy.url, pool: { max: 1 } }, async ({ tenantKnex }) => {
          await tenantKnex('a').raw('DO 1')
          proxy.sent.length = 0
          await tenantKnex('a').raw('DO 2')
          expect(proxy.sent.map(String)).to.have.lengthOf(1)
          expect(String(proxy.sent[0])).to.contain('DO 2')

          proxy.sent.length = 0
          await tenantKnex('b').raw('DO 3')
          expect(proxy.sent).to.have.lengthOf(2)
          const [plan, statement] = proxy.sent.map(String)
          expect(plan).to.contain('SET NAMES utf8mb4').and.contain('ROLE NONE')
          expect(statement).to.contain('DO 3')
        }),
      ))

    it('is confirmed by the server’s own answer', () =>
      withTenants(server, {}, async ({ tenantKnex, databaseOf }) => {
        await tenantKnex('a').raw('DO 1')
        expect(tenantKnex.connections()[0]).to.include({
          server: 'default',
          tenant: 'a',
          database: databaseOf('a'),
        })
      }))

    it('works on a compressed connection, which hangs when packets share a write', () => {
      const connection = { ...urlOptions(server.url), compress: true }
      return withTenants(server, { connection, pool: { max: 1 } }, async ({ tenantKnex }) => {
        for (const id of ['a', 'b', 'a', 'c']) {
          expect(await tenantKnex(id)('items').distinct().pluck('tenant')).to.deep.equal([id])
        }
      })
    })

    it('is not sent for a connection that is acquired and released unused', () =>
      withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex }) => {
        await tenantKnex('a').raw('DO 1')
        const { client } = tenantKnex('b')
        await client.releaseConnection(await client.acquireConnection())
        expect(tenantKnex.stats().servers[0]?.switches).to.equal(1)
      }))
  })

  describe('the scope', () => {
    it('gives code that knows no tenant the right one', () =>
      withTenants(server, {}, async ({ tenantKnex }) => {
        const whose = () => tenantKnex.ambient('items').distinct().pluck('tenant')
        const seen = await Promise.all(
          Array.from({ length: 60 }, (_, index) => {
            const id = 'abc'[index % 3] as string
            return tenantKnex.run(id, async () => ({ id, seen: await whose() }))
          }),
        )
        for (const { id, seen: ids } of seen) expect(ids).to.deep.equal([id])
      }))

    it('gives fn the bound Knex, and awaits a builder inside', () =>
      withTenants(server, {}, async ({ tenantKnex }) => {
        const rows = await tenantKnex.run('a', (knex) => {
          expect(knex).to.equal(tenantKnex('a')).and.equal(tenantKnex.current())
          return tenantKnex.ambient<Item>('items').where('id', '<', 3)
        })
        expect(rows.map((row) => row.tenant)).to.deep.equal(['a', 'a'])
      }))

    it('nests', () =>
      withTenants(server, {}, async ({ tenantKnex }) => {
        await tenantKnex.run('a', async () => {
          await tenantKnex.run('b', async () => {
            expect(tenantKnex.current().tenant.id).to.equal('b')
          })
          expect(tenantKnex.current().tenant.id).to.equal('a')
        })
      }))

    it('has a whole Knex: raw, schema, transactions, streams, ref, fn', () =>
      withTenants(server, {}, async ({ tenantKnex }) => {
        const { ambient } = tenantKnex
        await tenantKnex.run('b', async () => {
          const [rows] = await ambient.raw('SELECT tenant FROM items LIMIT 1')
          expect(rows[0].tenant).to.equal('b')
          await ambient.schema.createTable('notes', (table) => void table.increments())
          expect(await ambient.schema.hasTable('notes')).to.equal(true)
          await ambient.transaction(async (trx) => {
            await trx('items').where({ id: 1 }).update({ val: 9 })
          })
          const values = await ambient.select(ambient.ref('val')).from('items').where({ id: 1 })
          expect(values).to.deep.equal([{ val: 9 }])
          for await (const row of ambient('items').stream()) expect(row.tenant).to.equal('b')
          expect(ambient.fn.now().toString()).to.equal('CURRENT_TIMESTAMP')
        })
        expect(await tenantKnex('a').schema.hasTable('notes')).to.equal(false)
      }))

    it('without a tenant is an error, at once', () =>
      withTenants(server, {}, async ({ tenantKnex }) => {
        for (const use of [
          () => tenantKnex.current(),
          () => tenantKnex.ambient('items'),
          () => tenantKnex.ambient.raw('SELECT 1'),
          () => tenantKnex.ambient.schema,
          () => tenantKnex.ambient.select('x'),
        ]) {
          expect(thrown(use)).to.have.property('code', 'ERR_NO_TENANT')
        }
      }))

    it('refuses an ambient builder of one tenant that is awaited in another’s', () =>
      withTenants(server, {}, async ({ tenantKnex }) => {
        const builder = await tenantKnex.run('a', () => ({ query: tenantKnex.ambient('items') }))
        const error = await rejection(tenantKnex.run('b', () => builder.query))
        expect(error).to.include({ code: 'ERR_WRONG_TENANT', outcome: 'not-sent' })
        expect(error.message).to.contain('An ambient object of tenant "a"')
        expect(await builder.query.clone().pluck('tenant'), 'outside any scope').to.include('a')
      }))

    it('keeps a transaction with its tenant wherever it is awaited', () =>
      withTenants(server, {}, async ({ tenantKnex }) => {
        const trx = await tenantKnex.run('a', () => tenantKnex.ambient.transaction())
        await tenantKnex.run('b', async () => {
          expect(await trx('items').distinct().pluck('tenant')).to.deep.equal(['a'])
        })
        await trx.commit()
      }))

    it('gives no transaction of one tenant to another by a provider', () =>
      withTenants(server, {}, async ({ tenantKnex }) => {
        const { ambient } = tenantKnex
        expect(thrown(() => ambient.transactionProvider())).to.have.property(
          'code',
          'ERR_NO_TENANT',
        )
        const provide = await tenantKnex.run('a', () => ambient.transactionProvider())
        for (let time = 0; time < 2; time++) {
          const error = await rejection(tenantKnex.run('b', provide))
          expect(error).to.include({ code: 'ERR_WRONG_TENANT', tenant: 'b', outcome: 'not-sent' })
          const trx = await tenantKnex.run('a', provide)
          expect(await provide(), 'outside any scope').to.equal(trx)
          expect(await trx('items').distinct().pluck('tenant')).to.deep.equal(['a'])
        }
        await (await provide()).rollback()
      }))

    it('refuses to run what is no function', () =>
      withTenants(server, {}, async ({ tenantKnex }) => {
        const error = await rejection(tenantKnex.run('a', undefined as never))
        expect(error).to.have.property('code', 'ERR_OPTION_INVALID')
      }))

    it('refuses an invalid id before fn runs', () =>
      withTenants(server, {}, async ({ tenantKnex }) => {
        let hasRun = false
        const error = await rejection(
          tenantKnex.run('', () => {
            hasRun = true
          }),
        )
        expect(error).to.have.property('code', 'ERR_TENANT_ID_INVALID')
        expect(hasRun).to.equal(false)
      }))
  })

  describe('stats and connections', () => {
    it('tell what happened and who holds what', () =>
      withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex, databaseOf, admin }) => {
        await tenantKnex('a')('items')
        await tenantKnex('a')('items')
        await tenantKnex('b')('items')
        const trx = await tenantKnex('b').transaction()
        const [used] = tenantKnex.connections()
        expect(used).to.include({ tenant: 'b', database: databaseOf('b'), state: 'used' })
        const [processes] = await admin.query<never[]>('SHOW PROCESSLIST')
        const ids = (processes as { Id: number }[]).map((row) => Number(row.Id))
        expect(ids).to.include(used?.connectionId)
        await trx.rollback()
        await tenantKnex('a').cache.set('k', 'v')
        const bytes = tenantKnex.stats().cache?.bytes
        expect(bytes).to.be.within(1, 1_000)
        expect(tenantKnex.stats()).to.deep.equal({
          boundKnexes: 2,
          cache: { tenants: 1, items: 1, bytes, evictions: 0 },
          servers: [
            {
              server: 'default',
              acquires: 4,
              waits: 1,
              releases: 4,
              connects: 1,
              switches: 2,
              handOvers: 1,
              leftovers: 0,
              discards: 0,
              refusals: 0,
              timeouts: 0,
              max: 1,
              connections: 1,
              idle: 1,
              used: 0,
              waiting: 0,
              switching: 'auto',
              isTracked: true,
              databases: undefined,
            },
          ],
        })
      }))
  })

  describe('destroy', () => {
    it('lets running work end, refuses new work, and closes everything', () =>
      withTenants(server, {}, async ({ tenantKnex, connectionsSeen }) => {
        const running = tenantKnex('a')
          .raw('SELECT SLEEP(0.3) AS slept')
          .then((answer) => answer)
        await until('the query runs', () => tenantKnex.stats().servers[0].used === 1)
        const destroyed = tenantKnex.destroy()
        expect(await rejection(tenantKnex('b')('items'))).to.include({
          code: 'ERR_DESTROYED',
          tenant: 'b',
          outcome: 'not-sent',
        })
        expect((await running)[0][0].slept).to.equal(0)
        await destroyed
        await until('the server sees no connection', async () => (await connectionsSeen()) === 0)
      }))

    it('ends what does not end by itself in time', () =>
      withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex, admin }) => {
        const sleeping = rejection(tenantKnex('a').raw('SELECT SLEEP(600)'))
        const waiting = rejection(tenantKnex('b')('items'))
        await until('the query runs', () => tenantKnex.connections().length === 1)
        const [connection] = tenantKnex.connections()
        await tenantKnex.destroy({ timeoutMillis: 50 })
        expect(await sleeping).to.include({ code: 'ERR_DESTROYED', outcome: 'unknown' })
        expect(await waiting).to.include({ code: 'ERR_DESTROYED', outcome: 'not-sent' })
        await admin.query('KILL ?', [connection?.connectionId]).catch(() => undefined)
      }))

    it('may be called twice, and before anything was connected', async () => {
      const tenantKnex = createTenantKnex({ connection: server.url })
      await Promise.all([tenantKnex.destroy(), tenantKnex.destroy()])
      expect(await rejection(tenantKnex('a')('items'))).to.have.property('code', 'ERR_DESTROYED')
    })

    it('runs at the end of an `await using` block', async () => {
      const tenantKnex = createTenantKnex({ connection: server.url })
      await tenantKnex[Symbol.asyncDispose]()
      const error = await rejection(tenantKnex('a')('items'))
      expect(error).to.be.instanceOf(TenantKnexError).and.have.property('code', 'ERR_DESTROYED')
    })

    it('refuses a timeout that is none', async () => {
      const tenantKnex = createTenantKnex({ connection: server.url })
      for (const options of [
        { timeoutMillis: -1 },
        { timeoutMillis: '1' },
        100,
        null,
        () => undefined,
      ]) {
        const error = thrown(() => tenantKnex.destroy(options as object))
        expect(error).to.have.property('code', 'ERR_OPTION_INVALID')
      }
      const misspelt = thrown(() => tenantKnex.destroy({ timeout: 5 } as object))
      expect(misspelt).to.have.property('code', 'ERR_OPTION_INVALID')
      expect(misspelt.message).to.include('`timeout`').and.to.include('timeoutMillis')
      const old = thrown(() => tenantKnex.destroy({ timeoutMs: 5 } as object))
      expect(old.message).to.equal('`timeoutMs` is now called `timeoutMillis`.')
      await tenantKnex.destroy()
    })
  })
})
