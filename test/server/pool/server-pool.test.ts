import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import type { RowDataPacket } from 'mysql2'
import type { Connection } from 'mysql2/promise'
import { createTenantKnex, type TenantKnex } from '../../../src/index.ts'
import { withClockAhead } from '../../support/clock.ts'
import { listening } from '../../support/diagnostics.ts'
import { withProxy } from '../../support/proxy.ts'
import {
  onEachServer,
  rejection,
  type TestServer,
  thrown,
  until,
  urlOptions,
  withTenants,
} from '../../support/tenants.ts'

/** Connections that a server may still list for a moment when they are closed. */
const LINGERING = 1

const PING = Buffer.from([1, 0, 0, 0, 0x0e])
const QUIT = Buffer.from([1, 0, 0, 0, 0x01])

onEachServer('the pool of a server', (server) => {
  describe('when a connection has been idle for more than five seconds', () => {
    it('then asks whether it is alive before a statement leaves', () =>
      withProxy(server.url, (proxy) =>
        withTenants(server, { connection: proxy.url, pool: { max: 1 } }, async ({ tenantKnex }) => {
          await tenantKnex('a')('items')
          proxy.sent.length = 0
          await tenantKnex('a')('items')
          expect(proxy.sent, 'used just now').to.have.lengthOf(1)
          await withClockAhead(6_000, async () => {
            proxy.sent.length = 0
            expect(await tenantKnex('a')('items').first('tenant')).to.deep.equal({ tenant: 'a' })
            expect(proxy.sent).to.have.lengthOf(2)
            expect(proxy.sent[0]).to.deep.equal(PING)
          })
          const once = { connects: 1, switches: 1, waits: 1 }
          expect(tenantKnex.stats().servers[0], 'asking is no waiting').to.include(once)
        }),
      ))

    it('then replaces one that does not answer, and the statement is sent once', () =>
      withProxy(server.url, (proxy) =>
        withTenants(
          server,
          { connection: proxy.url, pool: { max: 1 }, switchTimeoutMillis: 100 },
          async ({ tenantKnex }) => {
            await tenantKnex('a')('items')
            await withClockAhead(6_000, async () => {
              proxy.hold()
              const { servers } = tenantKnex.stats()
              const done = tenantKnex('a')('items').where({ id: 1 }).update({ val: 7 }).then()
              const connects = servers[0].connects + 1
              await until('it connects again', () => {
                return tenantKnex.stats().servers[0].connects === connects
              })
              expect(proxy.sent.filter((data) => data.includes('update'))).to.have.lengthOf(0)
              proxy.release()
              expect(await done).to.equal(1)
              expect(proxy.sent.filter((data) => data.includes('update'))).to.have.lengthOf(1)
            })
          },
        ),
      ))

    it('then takes all that were idle as long for dead when one is', () =>
      withProxy(server.url, (proxy) =>
        withTenants(
          server,
          { connection: proxy.url, pool: { max: 3 }, switchTimeoutMillis: 100 },
          async ({ tenantKnex }) => {
            await Promise.all(['a', 'b', 'c'].map((id) => tenantKnex(id).raw('DO SLEEP(0.1)')))
            await withClockAhead(6_000, () =>
              listening(async (heard) => {
                proxy.hold()
                const done = tenantKnex('a')('items').first('tenant').then()
                await until('all three are closed', () => heard.filter(isDiscard).length === 3)
                proxy.release()
                expect(await done).to.deep.equal({ tenant: 'a' })
                const reasons = heard.filter(isDiscard).map(([, { reason }]) => reason)
                expect(reasons).to.deep.equal(['lost', 'lost', 'lost'])
                expect(proxy.sent.filter((data) => data.equals(PING))).to.have.lengthOf(1)
              }),
            )
          },
        ),
      ))
  })

  describe('when some connections have been idle for too long, and others have not', () => {
    it('then closes those, and gives out the others', () => {
      const pool = { max: 2, idleTimeoutMillis: 60_000, reapIntervalMillis: 10 }
      return withTenants(server, { pool }, async ({ tenantKnex }) => {
        const [first, second] = await Promise.all(
          ['a', 'b'].map((id) => tenantKnex(id).transaction()),
        )
        await first?.commit()
        await withClockAhead(30_000, async () => {
          await second?.commit()
        })
        await until('both are idle', () => tenantKnex.stats().servers[0].idle === 2)
        await withClockAhead(61_000, () =>
          until('one is closed', () => tenantKnex.stats().servers[0].discards === 1),
        )
        expect(tenantKnex.connections()).to.have.lengthOf(1)
        for (const id of ['b', 'a']) {
          expect(await tenantKnex(id)('items').first('tenant')).to.deep.equal({ tenant: id })
        }
        expect(tenantKnex.stats().servers[0]).to.include({ discards: 1 })
      })
    })
  })

  describe('when a connection is older than it may be', () => {
    it('then closes it as it comes back', () =>
      withTenants(
        server,
        { pool: { max: 1, maxLifetimeMillis: 1 } },
        async ({ tenantKnex, connectionsSeen }) =>
          listening(async (heard) => {
            for (const id of ['a', 'b']) {
              const trx = await tenantKnex(id).transaction()
              expect(await trx('items').first('tenant')).to.deep.equal({ tenant: id })
              await sleep(2) // a transaction may well take less than the connection lives
              await trx.commit()
            }
            await until('both are closed', () => tenantKnex.stats().servers[0].discards === 2)
            await until('the server says so', async () => (await connectionsSeen()) === 0)
            const reasons = heard.filter(isDiscard).map(([, { reason }]) => reason)
            expect(reasons).to.deep.equal(['lifetime', 'lifetime'])
          }),
      ))

    it('then closes it although it was in use all the time', () =>
      withTenants(
        server,
        { pool: { max: 1, maxLifetimeMillis: 60_000 } },
        async ({ tenantKnex }) => {
          for (const millis of [0, 30_000, 50_000, 61_000]) {
            await withClockAhead(millis, async () => {
              await tenantKnex('a')('items')
            })
          }
          await until('it is closed', () => tenantKnex.stats().servers[0].discards === 1)
        },
      ))

    it('then does not hand it out', () =>
      withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex }) => {
        await tenantKnex('a')('items')
        const [first] = tenantKnex.connections()
        await withClockAhead(1_801_000, async () => {
          expect(await tenantKnex('a')('items').first('tenant')).to.deep.equal({ tenant: 'a' })
          expect(tenantKnex.connections()[0]?.connectionId).to.not.equal(first?.connectionId)
        })
      }))
  })

  describe('when all idle connections are closed, and as many are wanted at once', () => {
    const closings = {
      'because they are too old': [61_000, () => undefined],
      'because their tenant is forgotten': [0, (tenantKnex: TenantKnex) => tenantKnex.forget('a')],
    } as const
    for (const [why, [millis, close]] of Object.entries(closings)) {
      it(`then opens none in their place before the server has let them go (${why})`, () =>
        withProxy(server.url, (proxy) => {
          const pool = { max: 4, maxPerTenant: 4, maxLifetimeMillis: 60_000 }
          return withTenants(server, { connection: proxy.url, pool }, async ({ tenantKnex }) => {
            const { client } = tenantKnex('a')
            const all = async () => {
              const four = Array.from({ length: 4 }, () => client.acquireConnection())
              const held = await Promise.all(four)
              await Promise.all(held.map((one) => tenantKnex('a').raw('DO 0').connection(one)))
              await Promise.all(held.map((one) => client.releaseConnection(one)))
            }
            await all()
            proxy.delay(20) // the way of the good-bye
            const open: number[] = []
            const watch = setInterval(() => open.push(proxy.links.size), 1)
            await withClockAhead(millis, async () => {
              close(tenantKnex)
              await all()
            })
            clearInterval(watch)
            expect(tenantKnex.stats().servers[0]).to.include({ connects: 8, discards: 4 })
            expect(Math.max(...open)).to.equal(4)
          })
        }))
    }
  })

  describe('when the server says that it is read-only', () => {
    for (const errno of [1290, 1836]) {
      it(`then closes the connection as it comes back (${errno}): the name may lead elsewhere now`, () =>
        withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex }) => {
          await tenantKnex('a').transaction(async (trx) => {
            const sql = `SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = ${errno}`
            expect(await rejection(trx.raw(sql))).to.include({ errno, outcome: 'failed' })
            expect(await trx('items').first('tenant')).to.deep.equal({ tenant: 'a' })
          })
          expect(await tenantKnex('a')('items').first('tenant')).to.deep.equal({ tenant: 'a' })
          expect(tenantKnex.stats().servers[0]).to.include({ connects: 2, discards: 1 })
        }))
    }
  })

  describe('when what a tenant left cannot be cleaned', () => {
    it('then closes the connection and says why', () =>
      withTenants(server, { tenants: ['a', 'b'] }, async ({ admin, databaseOf }) => {
        const counting = createTenantKnex({
          connection: server.url,
          database: databaseOf,
          pool: { max: 1 },
          session: [`SET @items = (SELECT COUNT(*) FROM ${databaseOf('b')}.items)`],
        })
        try {
          await listening(async (heard) => {
            const { client } = counting('a')
            const connection = await client.acquireConnection()
            await new Promise((resolve) => connection.query('BEGIN', resolve))
            await admin.query(`DROP TABLE ${databaseOf('b')}.items`)
            client.releaseConnection(connection)
            await until('it is closed', () => heard.some(isDiscard))
            expect(heard.find(isDiscard)?.[1]).to.include({ tenant: 'a', reason: 'not-cleaned' })
          })
        } finally {
          await counting.destroy()
        }
      }))
  })

  describe('when a connection must not be used again', () => {
    it('then closes it as it comes back, and keeps no place for it', () =>
      withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex }) => {
        const { client } = tenantKnex('a')
        const connection = await client.acquireConnection()
        connection.destroy()
        await client.releaseConnection(connection)
        await until('it is gone', () => tenantKnex.connections().length === 0)
        expect(tenantKnex.stats().servers[0]).to.include({ connections: 0, discards: 1 })
      }))
  })

  describe('when destroyed while its connections are idle', () => {
    it('then says good-bye to the server on each, and counts no refusal', () =>
      withProxy(server.url, (proxy) =>
        withTenants(server, { connection: proxy.url, pool: { max: 2 } }, async ({ tenantKnex }) => {
          const held = await Promise.all(['a', 'b'].map((id) => tenantKnex(id).transaction()))
          for (const trx of held) await trx.commit()
          await until('both are idle', () => tenantKnex.stats().servers[0].idle === 2)
          proxy.sent.length = 0
          await tenantKnex.destroy()
          expect(proxy.sent).to.deep.equal([QUIT, QUIT])
          expect(tenantKnex.stats().servers[0]).to.include({ refusals: 0, discards: 2 })
        }),
      ))
  })

  describe('when destroyed after somebody has waited for a connection', () => {
    it('then it is not taken for one that waits still', () =>
      withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex }) => {
        const trx = await tenantKnex('a').transaction()
        const waiting = tenantKnex('b')('items').first('tenant').then()
        await until('it waits', () => tenantKnex.stats().servers[0].waiting === 1)
        await trx.commit()
        expect(await waiting).to.deep.equal({ tenant: 'b' })
        await tenantKnex.destroy({ timeoutMillis: 60_000 }) // more than a test may take
      }))
  })

  describe('when destroyed while a connection is held', () => {
    it('then its holder is told so, whatever is sent over it', () =>
      withTenants(server, {}, async ({ tenantKnex }) => {
        const trx = await tenantKnex('a').transaction()
        const connection = await tenantKnex('b').client.acquireConnection()
        await tenantKnex.destroy({ timeoutMillis: 10 })
        const destroyed = { code: 'ERR_DESTROYED', outcome: 'not-sent' }
        expect(await rejection(trx('items'))).to.include(destroyed)
        expect(thrown(() => tenantKnex('b')('items').connection(connection))).to.include(destroyed)
      }))
  })

  describe('when destroyed at the moment at which a connection passes to who waited for it', () => {
    it('then lets their query end', () =>
      withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex }) => {
        const { client } = tenantKnex('a')
        const connection = await client.acquireConnection()
        const waiting = tenantKnex('b')('items').distinct().pluck('tenant').then()
        await until('it waits', () => tenantKnex.stats().servers[0].waiting === 1)
        client.releaseConnection(connection)
        const destroyed = tenantKnex.destroy()
        expect(await waiting).to.deep.equal(['b'])
        await destroyed
      }))

    it('then gives none to who is too late, and waits for no release of it', () =>
      withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex }) => {
        const { client } = tenantKnex('a')
        const connection = await client.acquireConnection()
        const late = rejection(tenantKnex('b').client.acquireConnection())
        await until('it waits', () => tenantKnex.stats().servers[0].waiting === 1)
        client.releaseConnection(connection)
        const destroyed = tenantKnex.destroy({ timeoutMillis: 0 })
        expect(await late).to.include({ code: 'ERR_DESTROYED', tenant: 'b', outcome: 'not-sent' })
        await destroyed
      }))
  })

  describe('when many queries are cancelled at a time', () => {
    it('then ends them over one connection beside the pool', () =>
      withTenants(server, { pool: { max: 8 } }, async ({ tenantKnex, connectionsSeen }) => {
        const seen: number[] = []
        const watch = setInterval(() => void connectionsSeen().then((n) => seen.push(n)), 10)
        const sleeps = Array.from({ length: 8 }, () =>
          rejection(tenantKnex('a').raw('SELECT SLEEP(10)').timeout(300, { cancel: true })),
        )
        for (const error of await Promise.all(sleeps)) {
          expect(error.name).to.equal('KnexTimeoutError')
          expect(error).to.include({ tenant: 'a', outcome: 'unknown' })
        }
        clearInterval(watch)
        expect(Math.max(...seen)).to.be.within(8, 9 + LINGERING)
        expect(tenantKnex.stats().servers[0]).to.include({ connects: 8, discards: 0 })
      }))
  })

  describe('when a query has been cancelled', () => {
    it('then its connection goes back to the pool at once, as any other', () =>
      withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex, admin }) => {
        const { client } = tenantKnex('a')
        const connection = await client.acquireConnection()
        const ended = new Promise((resolve) => connection.query('SELECT SLEEP(10)', resolve))
        await until('it runs', () => isRunning(admin, 'SELECT SLEEP(10)'))
        await client.cancelQuery(connection)
        await ended
        await new Promise((resolve) => connection.query('DO 1', resolve))
        client.releaseConnection(connection)
        expect(tenantKnex.stats().servers[0]).to.include({ idle: 1, used: 0 })
      }))
  })

  describe('when a query is cancelled twice, and the second KILL is late', () => {
    it('then the connection is given to nobody before it has come', () => {
      const kill = slowKill(server)
      const options = { connection: kill.connection, pool: { max: 1 } }
      return withTenants(server, options, async ({ tenantKnex, admin }) => {
        const { client } = tenantKnex('a')
        const connection = await client.acquireConnection()
        const ended = new Promise((resolve) => connection.query('SELECT SLEEP(10)', resolve))
        await until('it runs', () => isRunning(admin, 'SELECT SLEEP(10)'))
        const first = client.cancelQuery(connection)
        const goOn = await kill.begun()
        const second = client.cancelQuery(connection)
        goOn()
        await first
        await ended
        client.releaseConnection(connection)
        const query = tenantKnex('b').raw('SELECT SLEEP(1) AS interrupted')
        const done = query.then(([rows]) => rows)
        await until(
          'it waits, or runs too soon',
          async () =>
            tenantKnex.stats().servers[0].waiting === 1 || isRunning(admin, 'SELECT SLEEP(1)'),
        )
        const goOnAgain = await kill.begun()
        goOnAgain()
        await second
        expect(await done).to.deep.equal([{ interrupted: 0 }])
      })
    })
  })

  describe('when statements are given up', () => {
    it('then opens no connection in their place before the server has ended them', () =>
      withTenants(server, { pool: { max: 3 } }, async ({ tenantKnex, connectionsSeen }) => {
        const seen: number[] = []
        const watch = setInterval(() => void connectionsSeen().then((n) => seen.push(n)), 5)
        const late = Array.from({ length: 12 }, () =>
          rejection(tenantKnex('a').raw('SELECT SLEEP(3)').timeout(50)),
        )
        for (const error of await Promise.all(late)) {
          expect(error).to.include({ name: 'KnexTimeoutError', outcome: 'unknown' })
        }
        await until('all is given back', () => tenantKnex.stats().servers[0].used === 0)
        clearInterval(watch)
        expect(Math.max(...seen)).to.be.at.most(4 + LINGERING)
      }))

    it('then kills nothing where the connection was lost: its id may be another’s', () =>
      withProxy(server.url, (proxy) =>
        withTenants(server, { connection: proxy.url, pool: { max: 2 } }, async ({ tenantKnex }) => {
          const stream = tenantKnex('a').raw('SELECT SLEEP(0.3)').stream()
          const failed = once(stream.resume(), 'error')
          const query = rejection(tenantKnex('b').raw('SELECT SLEEP(0.3)'))
          await until('both run', () => tenantKnex.stats().servers[0].switches === 2)
          await sleep(50)
          proxy.sent.length = 0
          proxy.cut()
          await Promise.all([failed, query])
          await until('all is given back', () => tenantKnex.stats().servers[0].used === 0)
          expect(await tenantKnex('c')('items').first('tenant')).to.deep.equal({ tenant: 'c' })
          expect(proxy.sent.some((data) => data.includes('KILL'))).to.equal(false)
        }),
      ))
  })

  describe('when destroyed while a statement runs whose connection has been released', () => {
    it('then says that nobody knows what became of the statement', () =>
      withTenants(server, {}, async ({ tenantKnex }) => {
        const { client } = tenantKnex('a')
        const connection = await client.acquireConnection()
        const ask = (sql: string) =>
          new Promise((resolve, reject) => {
            connection.query(sql, (error: Error | null) => (error ? reject(error) : resolve(0)))
          })
        await ask('SELECT 1') // it is switched by now: the next one leaves at once
        const running = rejection(ask('SELECT SLEEP(1)'))
        const waiting = rejection(ask('SELECT 1'))
        client.releaseConnection(connection)
        await tenantKnex.destroy({ timeoutMillis: 0 })
        expect(tenantKnex.stats().servers[0]).to.include({ connections: 0, discards: 1 })
        for (const error of await Promise.all([running, waiting])) {
          expect(error).to.include({ code: 'ERR_DESTROYED', outcome: 'unknown' })
        }
      }))
  })

  describe('when asked to check', () => {
    it('then says what the server and the account can do, and leaves no connection', () =>
      withTenants(server, {}, async ({ tenantKnex, connectionsSeen, admin }) => {
        const {
          servers: [report],
        } = await tenantKnex.check()
        const [rows] = await admin.query<RowDataPacket[]>(
          'SELECT @@version AS version, @@max_connections AS max',
        )
        expect(report).to.deep.include({
          version: rows[0]?.version,
          isMariaDB: server.name === 'MariaDB',
          account: `'${new URL(server.url).username}'@'%'`,
          isReadOnly: false,
          isTracked: true,
          maxConnections: rows[0]?.max,
          maxUserConnections: 0,
          warnings: [],
        })
        expect(report.privileges).to.include.members(['CREATE', 'SELECT'])
        expect(report.openConnections).to.be.at.least(2)
        await until('it is closed', async () => (await connectionsSeen()) === 0)
        expect(tenantKnex.stats().servers[0].connects).to.equal(0)
      }))

    it('then asks once for all who ask at a time, and destroy does not wait for it', () =>
      withProxy(server.url, async (proxy) => {
        const tenantKnex = createTenantKnex({ connection: proxy.url })
        await Promise.all([tenantKnex.check(), tenantKnex.check()])
        expect(proxy.accepted).to.equal(1)
        proxy.hold()
        const checks = [1, 2, 3].map(() => rejection(tenantKnex.check()))
        await until('it connects', () => proxy.accepted === 2)
        await tenantKnex.destroy({ timeoutMillis: 0 })
        for (const error of await Promise.all(checks)) {
          expect(error).to.include({ code: 'ERR_DESTROYED' })
        }
        expect(proxy.accepted).to.equal(2)
      }))

    it('then rejects where no tenant could connect, and says why', () =>
      withTenants(server, {}, async ({ admin }) => {
        const account = `tk_check_${process.pid}`
        await admin.query(`CREATE USER ${account} IDENTIFIED BY 'right'`)
        const connection = { ...urlOptions(server.url), user: account, password: 'wrong' }
        const refused = createTenantKnex({ connection })
        const unreachable = createTenantKnex({ connection: { ...connection, port: 1 } })
        const session = ["SET time_zone = 'nowhere'"]
        const settings = { ...connection, password: 'right' }
        const misled = createTenantKnex({ connection: settings, session })
        try {
          expect(await rejection(refused.check())).to.include({ code: 'ERR_SERVER_REFUSED' })
          const noServer = await rejection(unreachable.check())
          expect(noServer).to.include({ code: 'ERR_SERVER_UNREACHABLE' })
          expect(noServer.message).to.contain(`at ${connection.host}:1 cannot be reached`)
          expect(await rejection(misled.check())).to.include({ code: 'ERR_SESSION_SETUP_FAILED' })
        } finally {
          for (const each of [refused, unreachable, misled]) await each.destroy()
          await admin.query(`DROP USER ${account}`)
        }
        expect(await rejection(misled.check())).to.include({ code: 'ERR_DESTROYED' })
      }))
  })

  describe('when one more connection cannot be opened', () => {
    it('then who waits for it is told at once, although another one is in use', () => {
      let calls = 0
      const connection = async () => ({
        ...urlOptions(server.url),
        ...(++calls > 1 && { port: 1 }),
        expirationChecker: () => true,
      })
      return withTenants(server, { connection, pool: { max: 2 } }, async ({ tenantKnex }) => {
        const trx = await tenantKnex('a').transaction()
        expect(await rejection(tenantKnex('b')('items'))).to.include({
          code: 'ERR_SERVER_UNREACHABLE',
          tenant: 'b',
        })
        await trx.rollback()
      })
    })

    it('then who waits gets another one where the server allows no more of them', () =>
      withTenants(server, { tenants: ['a', 'b'] }, async ({ admin, databaseOf }) => {
        const account = `tk_limited_${process.pid}`
        await admin.query(`CREATE USER ${account} WITH MAX_USER_CONNECTIONS 1`)
        await admin.query(`GRANT ALL ON *.* TO ${account}`)
        const limited = createTenantKnex({
          connection: { ...urlOptions(server.url), user: account },
          database: databaseOf,
          pool: { max: 2 },
        })
        try {
          const trx = await limited('a').transaction()
          const waiting = limited('b')('items').first('tenant').then()
          await until('it is tried again', () => limited.stats().servers[0].connects >= 3)
          await trx.commit()
          expect(await waiting).to.deep.equal({ tenant: 'b' })
        } finally {
          await limited.destroy()
          await admin.query(`DROP USER ${account}`)
        }
      }))
  })

  describe('when connecting takes too long', () => {
    it('then says so in time, and so does destroy while it goes on', () =>
      withProxy(server.url, async (proxy) => {
        proxy.hold()
        const pool = { createTimeoutMillis: 100 }
        const hasty = createTenantKnex({ connection: proxy.url, pool })
        const error = await rejection(hasty('a')('items'))
        expect(error).to.include({ code: 'ERR_SERVER_UNREACHABLE', tenant: 'a' })
        expect(error.message).to.contain('100 ms')
        await hasty.destroy()

        const patient = createTenantKnex({ connection: proxy.url })
        const waiting = rejection(patient('a')('items'))
        await until('it connects', () => patient.stats().servers[0].connects === 1)
        await patient.destroy({ timeoutMillis: 50 })
        expect(await waiting).to.include({ code: 'ERR_DESTROYED', tenant: 'a' })
      }))

    it('then says so where it is the function for the settings that hangs, and asks it again', () => {
      let calls = 0
      const connection = async () =>
        ++calls === 1 ? new Promise<never>(() => undefined) : urlOptions(server.url)
      const pool = { createTimeoutMillis: 100 }
      return withTenants(server, { connection, pool }, async ({ tenantKnex }) => {
        expect(await rejection(tenantKnex('a')('items'))).to.include({
          code: 'ERR_SERVER_UNREACHABLE',
          outcome: 'not-sent',
        })
        expect(await tenantKnex('a')('items').first('tenant')).to.deep.equal({ tenant: 'a' })
      })
    })

    it('then an answer of that function that comes too late does not undo a newer one', () => {
      let answerLate: (settings: object) => void = () => undefined
      const late = new Promise<object>((resolve) => {
        answerLate = resolve
      })
      let calls = 0
      const connection = async () => (++calls === 1 ? late : urlOptions(server.url))
      const pool = { max: 2, createTimeoutMillis: 100 }
      return withTenants(server, { connection, pool }, async ({ tenantKnex }) => {
        await rejection(tenantKnex('a')('items'))
        await tenantKnex('a').transaction(async () => {
          answerLate({ ...urlOptions(server.url), user: 'retired' })
          await sleep(10) // it has been read by then
          expect(await tenantKnex('b')('items').first('tenant')).to.deep.equal({ tenant: 'b' })
        })
        expect(calls).to.equal(2)
      })
    })
  })
})

function isDiscard([name]: readonly [string, unknown]): boolean {
  return name === 'discard'
}

/** Settings for the pool’s one connection at once, and for each KILL when the test says so. */
function slowKill({ url }: TestServer): {
  connection: () => Promise<object>
  /** Waits until a KILL asks, and gives what lets it go on. */
  begun: () => Promise<() => void>
} {
  const waiting: (() => void)[] = []
  let isFirst = true
  const connection = async () => {
    if (!isFirst) await new Promise<void>((resolve) => waiting.push(resolve))
    isFirst = false
    return { ...urlOptions(url), expirationChecker: () => true }
  }
  const begun = async () => {
    await until('a KILL asks for its settings', () => waiting.length > 0)
    return waiting.shift() as () => void
  }
  return { connection, begun }
}

/** True while a statement that begins so runs at the server. */
async function isRunning(admin: Connection, beginning: string): Promise<boolean> {
  const [rows] = await admin.query<RowDataPacket[]>(
    'SELECT id FROM information_schema.processlist WHERE info LIKE ?',
    [`${beginning}%`],
  )
  return rows.length > 0
}
