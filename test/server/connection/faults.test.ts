import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import knex from 'knex'
import { AcquireTimeoutError, createTenantKnex, TenantKnexError } from '../../../src/index.ts'
import { withProxy } from '../../support/proxy.ts'
import {
  onEachServer,
  rejection,
  thrown,
  until,
  urlOptions,
  withTenants,
} from '../../support/tenants.ts'

onEachServer('bad input and faults', (server) => {
  describe('a tenant’s database', () => {
    it('that does not exist is a clear error; the pool goes on', () =>
      withTenants(server, { pool: { max: 2 } }, async ({ tenantKnex, databaseOf }) => {
        const errors = await Promise.all(
          Array.from({ length: 100 }, () => rejection(tenantKnex('missing')('items'))),
        )
        for (const error of errors) {
          expect(error)
            .to.be.instanceOf(TenantKnexError)
            .and.include({
              code: 'ERR_TENANT_DATABASE_MISSING',
              tenant: 'missing',
              database: databaseOf('missing'),
              outcome: 'not-sent',
            })
          expect(error.cause?.code).to.equal('ER_BAD_DB_ERROR')
        }
        expect(await tenantKnex('a')('items').distinct().pluck('tenant')).to.deep.equal(['a'])
        const { connections, used, discards } = tenantKnex.stats().servers[0]
        expect({ used, discards }).to.deep.equal({ used: 0, discards: 0 })
        expect(connections).to.be.at.most(2)
      }))

    it('in a transaction or stream that does not exist is the same error', () =>
      withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex }) => {
        const missing = tenantKnex('missing')
        const code = 'ERR_TENANT_DATABASE_MISSING'
        expect(await rejection(missing.transaction(async (trx) => trx('items')))).to.include({
          code,
        })
        expect(await rejection(missing.transaction())).to.include({ code })
        const stream = missing('items').stream()
        const [error] = await once(stream, 'error')
        expect(error).to.include({ code })
        expect(await tenantKnex('a')('items').first('tenant')).to.deep.equal({ tenant: 'a' })
      }))

    it('that is dropped meanwhile is a clear error, and works again once recreated', () =>
      withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex, admin, databaseOf }) => {
        await tenantKnex('a')('items')
        await admin.query('DROP DATABASE ??', [databaseOf('a')])
        const first = await rejection(tenantKnex('a')('items'))
        expect(first.code).to.be.oneOf(['ER_NO_SUCH_TABLE', 'ER_BAD_DB_ERROR'])
        expect(await rejection(tenantKnex('a')('items'))).to.have.property(
          'code',
          'ERR_TENANT_DATABASE_MISSING',
        )
        await admin.query('CREATE DATABASE ??', [databaseOf('a')])
        await tenantKnex('a').schema.createTable('items', (table) => void table.increments())
        expect(await tenantKnex('a')('items')).to.deep.equal([])
      }))

    it('that the tenant drops itself leaves no other tenant’s data behind it', () =>
      withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex, databaseOf }) => {
        await tenantKnex('a').raw('DROP DATABASE ??', [databaseOf('a')])
        expect(await rejection(tenantKnex('a')('items'))).to.have.property(
          'code',
          'ERR_TENANT_DATABASE_MISSING',
        )
        expect(await tenantKnex('b')('items').first('tenant')).to.deep.equal({ tenant: 'b' })
      }))

    it('that the account may not enter is a clear error', () =>
      withTenants(server, {}, async ({ admin, databaseOf, url }) => {
        const account = `tk_${process.pid}`
        await admin.query(
          `DROP USER IF EXISTS ${account}@'%'; CREATE USER ${account}@'%' IDENTIFIED BY 'secret';
           GRANT ALL ON \`${databaseOf('a')}\`.* TO ${account}@'%'`,
        )
        const limited = createTenantKnex({
          connection: { ...urlOptions(url), user: account, password: 'secret' },
          database: databaseOf,
        })
        try {
          expect(await limited('a')('items').first('tenant')).to.deep.equal({ tenant: 'a' })
          const error = await rejection(limited('b')('items'))
          expect(error).to.include({
            code: 'ERR_TENANT_DATABASE_DENIED',
            tenant: 'b',
            outcome: 'not-sent',
          })
          expect(await limited('a')('items').first('tenant')).to.deep.equal({ tenant: 'a' })
        } finally {
          await limited.destroy()
          await admin.query(`DROP USER ${account}@'%'`)
        }
      }))
  })

  describe('names', () => {
    const names: [string, string, string][] = [
      ['65 characters', 'a'.repeat(65), '65 characters'],
      ['a reserved name', 'mysql', 'reserved'],
      ['upper case', 'Acme', 'upper case'],
    ]
    for (const [title, name, hint] of names) {
      it(`are checked before anything is sent: ${title}`, async () => {
        const tenantKnex = createTenantKnex({ connection: server.url, database: () => name })
        const error = thrown(() => tenantKnex('a'))
        expect(error).to.include({ code: 'ERR_DATABASE_NAME_INVALID', tenant: 'a' })
        expect(error.message).to.contain(hint)
        expect(tenantKnex.stats().servers[0].connects).to.equal(0)
        await tenantKnex.destroy()
      })
    }

    it('of tenants are checked, and hostile ones are harmless with a mapping of one’s own', () =>
      withTenants(server, {}, async ({ tenantKnex, databaseOf }) => {
        for (const id of [7, '', 'a'.repeat(129), 'a\ud800', 'a\0'] as string[]) {
          expect(
            thrown(() => tenantKnex(id)),
            String(id),
          ).to.have.property('code', 'ERR_TENANT_ID_INVALID')
        }
        for (const id of ['`; DROP DATABASE', '../a', '日本', `${databaseOf('a')}.items`]) {
          expect(
            thrown(() => tenantKnex(id)),
            id,
          ).to.have.property('code', 'ERR_DATABASE_NAME_INVALID')
        }
        const error = await rejection(tenantKnex('__proto__')('items'))
        expect(error).to.have.property('code', 'ERR_TENANT_DATABASE_MISSING')
      }))
  })

  describe('a transaction after an error', () => {
    it('ends without asking for its database again, which may be gone', () =>
      withProxy(server.url, (proxy) =>
        withTenants(server, { connection: proxy.url, pool: { max: 1 } }, async ({ tenantKnex }) => {
          const trx = await tenantKnex('a').transaction()
          await rejection(trx('missing'))
          proxy.sent.length = 0
          await trx.rollback()
          expect(proxy.sent.map(String)[0]).to.contain('ROLLBACK')
        }),
      ))
  })

  describe('the server', () => {
    it('that refuses connections is a clear error, soon, every time', async () => {
      const probe = createServer().listen(0, '127.0.0.1')
      await once(probe, 'listening')
      const { port } = probe.address() as { port: number }
      probe.close()
      const tenantKnex = createTenantKnex({ connection: { host: '127.0.0.1', port } })
      for (const id of ['a', 'b']) {
        const error = await rejection(tenantKnex(id)('items'))
        expect(error).to.include({
          code: 'ERR_SERVER_UNREACHABLE',
          tenant: id,
          outcome: 'not-sent',
        })
        expect(error.message).to.contain(`127.0.0.1:${port}`).and.contain('ECONNREFUSED')
      }
      await tenantKnex.destroy()
    })

    it('that refuses the account is a clear error without the password', async () => {
      const tenantKnex = createTenantKnex({
        connection: { ...urlOptions(server.url), user: 'nobody', password: 'geheim' },
      })
      const error = await rejection(tenantKnex('a')('items'))
      expect(error).to.have.property('code', 'ERR_SERVER_REFUSED')
      expect(JSON.stringify([error, error.message, error.cause])).not.to.contain('geheim')
      await tenantKnex.destroy()
    })

    it('that fails a session statement is a clear error at connect', async () => {
      const tenantKnex = createTenantKnex({
        connection: server.url,
        session: ['SET no_such_variable = 1'],
      })
      const error = await rejection(tenantKnex('a')('items'))
      expect(error).to.have.property('code', 'ERR_SESSION_SETUP_FAILED')
      expect(error.cause?.code).to.equal('ER_UNKNOWN_SYSTEM_VARIABLE')
      await tenantKnex.destroy()
    })

    it('that answers a session statement with rows is a clear error at connect', async () => {
      const tenantKnex = createTenantKnex({ connection: server.url, session: ['SELECT 1'] })
      const error = await rejection(tenantKnex('a')('items'))
      expect(error).to.have.property('code', 'ERR_SESSION_SETUP_FAILED')
      await tenantKnex.destroy()
    })

    it('that stops answering in a switch costs that statement, not the pool', () =>
      withProxy(server.url, (proxy) =>
        withTenants(
          server,
          { connection: proxy.url, pool: { max: 1 }, switchTimeoutMillis: 100 },
          async ({ tenantKnex }) => {
            await tenantKnex('a')('items')
            proxy.hold()
            const late = tenantKnex('b')('items').where({ id: 1 }).update({ val: 9 })
            const error = await rejection(late)
            expect(error).to.include({
              code: 'ERR_SWITCH_TIMEOUT',
              tenant: 'b',
              outcome: 'not-sent',
            })
            proxy.release()
            const [row] = await tenantKnex('b')('items').where({ id: 1 })
            expect(row, 'the answer that came late sends nothing').to.include({
              tenant: 'b',
              val: 0,
            })
            expect(tenantKnex.stats().servers[0]).to.include({ connects: 2, discards: 1 })
          },
        ),
      ))

    it('that is lost in a switch leaves no doubt: the statement was not sent', () =>
      withProxy(server.url, (proxy) =>
        withTenants(server, { connection: proxy.url, pool: { max: 1 } }, async ({ tenantKnex }) => {
          await tenantKnex('a')('items')
          proxy.hold()
          proxy.sent.length = 0
          const lost = rejection(tenantKnex('b')('items'))
          await until('the switch is sent', () => proxy.sent.length > 0)
          proxy.cut()
          expect(await lost).to.include({ tenant: 'b', outcome: 'not-sent' })
          proxy.release()
          expect(await tenantKnex('b')('items').first('tenant')).to.deep.equal({ tenant: 'b' })
        }),
      ))

    it('is asked about its settings once for all who connect, and again once they expired', () => {
      let calls = 0
      let isExpired = false
      const connection = async () => {
        calls++
        isExpired = false
        await sleep(10)
        return { ...urlOptions(server.url), expirationChecker: () => isExpired }
      }
      return withTenants(server, { connection, pool: { max: 3 } }, async ({ tenantKnex }) => {
        const sleeps = () =>
          Promise.all(['a', 'b', 'c'].map((id) => tenantKnex(id).raw('DO SLEEP(0.1)')))
        await sleeps()
        expect(calls).to.equal(1)
        isExpired = true
        for (const id of ['a', 'b', 'c']) tenantKnex.forget(id)
        await sleeps()
        expect(calls).to.equal(2)
      })
    })

    it('that drops connections fails what runs, streams too, and nothing after it', () =>
      withProxy(server.url, (proxy) =>
        withTenants(server, { connection: proxy.url, pool: { max: 3 } }, async ({ tenantKnex }) => {
          const running = ['a', 'b'].map((id) => rejection(tenantKnex(id).raw('SELECT SLEEP(0.4)')))
          const stream = tenantKnex('c').raw('SELECT SLEEP(0.4)').stream()
          const streamed = once(stream.resume(), 'error')
          await until('all three run', () => tenantKnex.stats().servers[0].switches === 3)
          await sleep(50)
          proxy.cut()
          for (const error of await Promise.all(running)) {
            expect(error.outcome).to.equal('unknown')
            expect(error.tenant).to.be.a('string')
          }
          expect((await streamed)[0]).to.be.instanceOf(Error)
          for (const id of ['a', 'b', 'c']) {
            expect(await tenantKnex(id)('items').first('tenant')).to.deep.equal({ tenant: id })
          }
        }),
      ))

    it('that killed an idle connection costs nothing', () =>
      withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex, admin }) => {
        await tenantKnex('a')('items')
        const [connection] = tenantKnex.connections()
        await admin.query('KILL ?', [connection?.connectionId])
        await sleep(50)
        expect(await tenantKnex('b')('items').first('tenant')).to.deep.equal({ tenant: 'b' })
      }))
  })

  describe('a full pool', () => {
    it('says so in time, with its numbers, in a class of Knex’s', () =>
      withTenants(
        server,
        { pool: { max: 2 }, acquireConnectionTimeout: 100 },
        async ({ tenantKnex }) => {
          const holders = await Promise.all(['a', 'b'].map((id) => tenantKnex(id).transaction()))
          const error = await rejection(tenantKnex('c')('items').where({ id: 1 }))
          expect(error)
            .to.be.instanceOf(AcquireTimeoutError)
            .and.instanceOf(TenantKnexError)
            .and.instanceOf(knex.KnexTimeoutError)
          expect(error).to.include({
            code: 'ERR_ACQUIRE_TIMEOUT',
            tenant: 'c',
            outcome: 'not-sent',
          })
          const { longestHeld, ...numbers } = (error as unknown as AcquireTimeoutError).pool
          expect(numbers).to.deep.equal({
            ...{ total: 2, used: 2, own: 0, inTransaction: 0, idle: 0, waiting: 0 },
            ...{ max: 2, limit: 2 },
          })
          expect(longestHeld?.tenant).to.be.oneOf(['a', 'b'])
          expect(error.message).to.contain('"c"').and.contain('2 total, 2 used (0 by this tenant)')
          for (const trx of holders) await trx.rollback()
          expect(await tenantKnex('c')('items').first('tenant')).to.deep.equal({ tenant: 'c' })
        },
      ))

    it('serves those of a tenant who wait in their order, and together', () =>
      withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex }) => {
        const order: string[] = []
        const ids = [...'abcabcabc']
        await Promise.all(
          ids.map(async (id, index) => {
            await tenantKnex(id)('items')
            order.push(`${id}${index}`)
          }),
        )
        expect(order.join(' ')).to.equal('a0 a3 a6 b1 b4 b7 c2 c5 c8')
      }))
  })

  describe('a stream', () => {
    for (const [title, wait] of [
      ['at once', async () => undefined],
      ['a moment later', () => sleep(1)],
      ['while it connects', () => sleep(5)],
    ] as const) {
      it(`that is closed before its connection is there gives it back: ${title}`, () =>
        withTenants(server, { pool: { max: 2 } }, async ({ tenantKnex }) => {
          for (let round = 0; round < 4; round++) {
            const stream = tenantKnex('a')('items').stream()
            stream.on('error', () => undefined)
            await wait()
            stream.destroy()
          }
          expect(await tenantKnex('b')('items').first('tenant')).to.deep.equal({ tenant: 'b' })
          await until('nothing is held', () => tenantKnex.stats().servers[0].used === 0)
        }))
    }
  })

  describe('a typeCast that throws', () => {
    it('fails its query alone: no other reads the rest of the answer', () =>
      withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex }) => {
        for (const at of [1, 2, 8, 14]) {
          let calls = 0
          const typeCast = (_field: unknown, next: () => unknown) => {
            if (++calls === at) throw new Error('cannot cast')
            return next()
          }
          const many = tenantKnex('a')('items as x').joinRaw('JOIN items y JOIN items z')
          const error = await rejection(many.select('x.*').options({ typeCast }))
          expect(error.message).to.contain('cannot cast')
          expect(await tenantKnex('a')('items').distinct().pluck('tenant')).to.deep.equal(['a'])
        }
        expect(tenantKnex.stats().servers[0].discards).to.equal(4)
      }))
  })

  describe('a statement queued behind one whose typeCast throws', () => {
    it('is not sent, and so cannot take the rest of that answer for its own', () =>
      withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex }) => {
        const { client } = tenantKnex('a')
        const lease = await client.acquireConnection()
        const send = (options: object) =>
          new Promise((resolve, reject) => {
            lease.query(options, (error: Error | null, rows: unknown) =>
              error ? reject(error) : resolve(rows),
            )
          })
        const typeCast = () => {
          throw new Error('cannot cast')
        }
        const first = rejection(send({ sql: 'SELECT * FROM items', typeCast }))
        const second = rejection(send({ sql: 'SELECT 1 AS one' }))
        expect((await first).message).to.contain('cannot cast')
        expect(await second).to.include({ code: 'ERR_CONNECTION_CLOSED', outcome: 'not-sent' })
        await client.releaseConnection(lease)
        expect(await tenantKnex('b')('items').first('tenant')).to.deep.equal({ tenant: 'b' })
      }))
  })

  describe('execute', () => {
    it('calls back once when the connection is closed under it', () =>
      withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex }) => {
        const { client } = tenantKnex('a')
        const lease = await client.acquireConnection()
        let calls = 0
        lease.execute('SELECT 1', () => void calls++)
        lease.destroy()
        await client.releaseConnection(lease)
        await sleep(20)
        expect(calls).to.equal(1)
        expect(await tenantKnex('b')('items').first('tenant')).to.deep.equal({ tenant: 'b' })
      }))
  })

  describe('an abandoned statement', () => {
    it('is ended at the server after a timeout without cancel', () =>
      withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex, connectionsSeen }) => {
        const error = await rejection(tenantKnex('a').raw('SELECT SLEEP(60)').timeout(50))
        expect(error.name).to.equal('KnexTimeoutError')
        expect(await tenantKnex('b')('items').first('tenant')).to.deep.equal({ tenant: 'b' })
        await until('it has ended', async () => (await connectionsSeen()) <= 1)
      }))
  })
})
