import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import type { LeftoverMessage, TenantKnex } from '../../src/index.ts'
import {
  onEachServer,
  rejection,
  type TestServer,
  until,
  urlOptions,
  withTenants,
} from '../support/tenants.ts'

/** mysql2's callback interface, which a raw connection offers. */
interface RawLease {
  query(sql: string, callback: (error: Error | null, rows: unknown) => void): void
  execute(sql: string, callback: (error: Error | null, rows: unknown) => void): void
  prepare(sql: string, callback: (error: Error | null, statement: Prepared) => void): void
  changeUser(options: object, callback: (error: Error | null) => void): void
  reset(callback: (error: Error | null) => void): void
}
interface Prepared {
  execute(values: unknown[], callback: (error: Error | null, rows: unknown) => void): void
}
type Row = Record<string, unknown>

const ask = (lease: RawLease, sql: string, method: 'query' | 'execute' = 'query') =>
  new Promise<Row[]>((resolve, reject) => {
    lease[method](sql, (error, rows) => (error ? reject(error) : resolve(rows as Row[])))
  })

const prepare = (lease: RawLease, sql: string) =>
  new Promise<Prepared>((resolve, reject) => {
    lease.prepare(sql, (error, statement) => (error ? reject(error) : resolve(statement)))
  })

const runPrepared = (statement: Prepared) =>
  new Promise<Row[]>((resolve, reject) => {
    statement.execute([], (error, rows) => (error ? reject(error) : resolve(rows as Row[])))
  })

async function withLease<T>(
  tenantKnex: TenantKnex,
  id: string,
  fn: (lease: RawLease) => Promise<T>,
): Promise<T> {
  const { client } = tenantKnex(id)
  const lease = await client.acquireConnection()
  try {
    return await fn(lease)
  } finally {
    await client.releaseConnection(lease)
  }
}

/** One connection, so that what one tenant leaves is what the next one finds. */
const onOneConnection = (
  server: TestServer,
  test: Parameters<typeof withTenants>[2],
  options: object = {},
) => withTenants(server, { pool: { max: 1 }, ...options }, test)

onEachServer('isolation', (server) => {
  describe('what one tenant leaves in a session', () => {
    const leftovers: [string, string[], string][] = [
      ['a user variable', ['SET @secret = 7'], 'SELECT @secret AS seen'],
      ['an unreported user variable', ['SELECT 7 INTO @secret'], 'SELECT @secret AS seen'],
      ['sql_mode', ["SET sql_mode = ''"], 'SELECT @@sql_mode AS seen'],
      ['time_zone', ["SET time_zone = '+07:00'"], 'SELECT @@time_zone AS seen'],
      ['foreign_key_checks', ['SET foreign_key_checks = 0'], 'SELECT @@foreign_key_checks AS seen'],
      ['autocommit off', ['SET autocommit = 0'], 'SELECT @@autocommit AS seen'],
      [
        'isolation',
        ['SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED'],
        server.name === 'MariaDB'
          ? 'SELECT @@tx_isolation AS seen'
          : 'SELECT @@transaction_isolation AS seen',
      ],
      ['the character set', ['SET NAMES latin1'], 'SELECT @@character_set_client AS seen'],
      [
        'the collation',
        ['SET NAMES utf8mb4 COLLATE utf8mb4_bin'],
        'SELECT @@collation_connection AS seen',
      ],
      [
        'LAST_INSERT_ID',
        ['INSERT INTO items (tenant, val) VALUES ("a", 0)'],
        'SELECT LAST_INSERT_ID() AS seen',
      ],
      [
        'a lock by name',
        ["SELECT GET_LOCK('tk_lock', 0)"],
        "SELECT IS_FREE_LOCK('tk_lock') AS seen",
      ],
      [
        'a temporary table that shadows a real one',
        [
          'CREATE TEMPORARY TABLE items (id INT, tenant VARCHAR(9))',
          "INSERT INTO items VALUES (1, 'a')",
        ],
        'SELECT COUNT(*) AS seen FROM items',
      ],
    ]
    for (const [title, statements, question] of leftovers) {
      it(`is gone for the next: ${title}`, () =>
        onOneConnection(server, async ({ tenantKnex }) => {
          const seen = async (id: string) => (await tenantKnex(id).raw(question))[0][0].seen
          const untouched = await seen('b')
          await withLease(tenantKnex, 'a', async (lease) => {
            for (const sql of statements) await ask(lease, sql)
          })
          expect(await seen('b')).to.equal(untouched)
          expect(tenantKnex.connections(), 'it was the same connection').to.have.lengthOf(1)
        }))
    }

    it('is gone for the next: LOCK TABLES', () =>
      onOneConnection(server, async ({ tenantKnex }) => {
        await tenantKnex('a').raw('LOCK TABLES items WRITE')
        expect(await tenantKnex('b')('items').distinct().pluck('tenant')).to.deep.equal(['b'])
      }))

    it('is gone for the next: a role', () =>
      onOneConnection(server, async ({ tenantKnex, admin }) => {
        const role = `tk_role_${process.pid}`
        const currentRole = async (id: string) =>
          (await tenantKnex(id).raw('SELECT CURRENT_ROLE() AS role'))[0][0].role
        const [[account]] = await tenantKnex('a').raw('SELECT CURRENT_USER() AS name')
        await admin.query('CREATE ROLE ??', [role])
        try {
          await admin.query('GRANT ?? TO ?@?', [role, ...account.name.split('@')])
          const atConnect = await currentRole('a')
          await tenantKnex('a').raw('SET ROLE ??', [role])
          expect(await currentRole('a')).to.contain(role)
          expect(await currentRole('b')).to.equal(atConnect)
        } finally {
          await admin.query('DROP ROLE ??', [role])
        }
      }))

    it('is gone for the next: what the server keeps for diagnosis', () =>
      onOneConnection(server, async ({ tenantKnex }) => {
        const [begin, question] =
          server.name === 'MariaDB'
            ? ['SET profiling = 1', 'SHOW PROFILES']
            : [
                "SET optimizer_trace = 'enabled=on'",
                'SELECT * FROM information_schema.optimizer_trace',
              ]
        await withLease(tenantKnex, 'a', async (lease) => {
          await ask(lease, begin)
          await ask(lease, "SELECT * FROM items WHERE tenant = 'card 4111'")
        })
        const [rows] = await tenantKnex('b').raw(question)
        expect(JSON.stringify(rows)).not.to.contain('4111')
      }))

    it('is gone for the next, with clean: always: FOUND_ROWS', () =>
      onOneConnection(
        server,
        async ({ tenantKnex }) => {
          await tenantKnex('a')('items').where('id', '<', 4)
          const [[row]] = await tenantKnex('b').raw('SELECT FOUND_ROWS() AS found')
          expect(row.found).not.to.equal(3)
        },
        { clean: 'always' },
      ))

    it('is gone for its owner too, with clean: always', () =>
      onOneConnection(
        server,
        async ({ tenantKnex }) => {
          await tenantKnex('a').raw("DO GET_LOCK('tk_always', 0)")
          const [[row]] = await tenantKnex('a').raw("SELECT IS_FREE_LOCK('tk_always') AS free")
          expect(row.free).to.equal(1)
        },
        { clean: 'always' },
      ))

    it('does not undo what the session option set up', () =>
      onOneConnection(
        server,
        async ({ tenantKnex }) => {
          for (const id of ['a', 'b', 'a']) {
            const [[row]] = await tenantKnex(id).raw('SELECT @@time_zone AS zone, @mine AS mine')
            expect(row).to.deep.equal({ zone: '+05:00', mine: 1 })
            await tenantKnex(id).raw("SET time_zone = '+01:00', @mine = 2")
          }
        },
        { session: ["SET time_zone = '+05:00'", 'SET @mine = 1'] },
      ))

    it('cannot break escaping: a multi-byte character set that was left', () =>
      onOneConnection(server, async ({ tenantKnex }) => {
        await tenantKnex('a').raw('SET NAMES gbk')
        // In gbk the bytes 81 5C are one character; as UTF-8 the second is a backslash.
        const value = "乗' OR tenant <> 'x"
        expect(await tenantKnex('b')('items').where('tenant', value)).to.deep.equal([])
        const [[row]] = await tenantKnex('b').raw('SELECT ? AS text', ['日本 ü'])
        expect(row.text).to.equal('日本 ü')
      }))
  })

  describe('an open transaction at release', () => {
    const messages: LeftoverMessage[] = []
    const listen = (message: unknown) => void messages.push(message as LeftoverMessage)
    before(() => subscribe('tenant-knex:leftover', listen))
    after(() => unsubscribe('tenant-knex:leftover', listen))
    beforeEach(() => void messages.splice(0))

    for (const begin of ['BEGIN', 'SET autocommit = 0']) {
      it(`is rolled back and reported, also for the same tenant: ${begin}`, () =>
        onOneConnection(server, async ({ tenantKnex, databaseOf }) => {
          await withLease(tenantKnex, 'a', async (lease) => {
            await ask(lease, begin)
            await ask(lease, 'UPDATE items SET val = 9')
          })
          expect(await tenantKnex('a')('items').sum({ val: 'val' }).first()).to.have.property(
            'val',
            '0',
          )
          expect(messages).to.have.lengthOf(1)
          expect(messages[0]).to.include({ tenant: 'a', database: databaseOf('a') })
          expect(tenantKnex.stats().servers[0].leftovers).to.equal(1)
          const [[row]] = await tenantKnex('a').raw('SELECT @@autocommit AS autocommit')
          expect(row.autocommit).to.equal(1)
        }))
    }

    it('is found although an error was the last answer', () =>
      onOneConnection(server, async ({ tenantKnex }) => {
        await withLease(tenantKnex, 'a', async (lease) => {
          await ask(lease, 'BEGIN')
          await ask(lease, 'UPDATE items SET val = 9')
          await rejection(ask(lease, 'SELECT * FROM missing'))
        })
        expect(await tenantKnex('a')('items').sum({ val: 'val' }).first()).to.have.property(
          'val',
          '0',
        )
        expect(messages.map(({ left }) => left)).to.deep.equal(['transaction'])
      }))

    it('is not made up where there was none', () =>
      onOneConnection(server, async ({ tenantKnex }) => {
        await rejection(tenantKnex('a')('missing'))
        await tenantKnex('a').transaction(async (trx) => trx('items'))
        expect(await tenantKnex('a')('items')).to.have.lengthOf(5)
        expect(messages).to.deep.equal([])
      }))
  })

  describe('leaving the database', () => {
    it('by USE is refused unsent, by query, execute and prepare', () =>
      onOneConnection(server, async ({ tenantKnex, databaseOf }) => {
        const use = `USE ${databaseOf('b')}`
        const viaRaw = await rejection(tenantKnex('a').raw(use))
        expect(viaRaw).to.include({
          code: 'ERR_STATEMENT_REFUSED',
          outcome: 'not-sent',
          tenant: 'a',
        })
        await withLease(tenantKnex, 'a', async (lease) => {
          for (const attempt of [
            ask(lease, use),
            ask(lease, use, 'execute'),
            prepare(lease, use),
          ]) {
            expect(await rejection(attempt)).to.have.property('code', 'ERR_STATEMENT_REFUSED')
          }
          expect(await ask(lease, 'SELECT DISTINCT tenant FROM items')).to.deep.equal([
            { tenant: 'a' },
          ])
        })
      }))

    it('by changeUser or reset is refused', () =>
      onOneConnection(server, async ({ tenantKnex, databaseOf }) => {
        await withLease(tenantKnex, 'a', async (lease) => {
          const attempts = [
            new Promise((resolve, reject) => {
              lease.changeUser({ database: databaseOf('b') }, (error) =>
                error ? reject(error) : resolve(undefined),
              )
            }),
            new Promise((resolve, reject) => {
              lease.reset((error) => (error ? reject(error) : resolve(undefined)))
            }),
          ]
          for (const attempt of attempts) {
            expect(await rejection(attempt)).to.have.property('code', 'ERR_STATEMENT_REFUSED')
          }
        })
      }))

    it('inside several statements: the result is withheld, the connection closed', () =>
      onOneConnection(
        server,
        async ({ tenantKnex, databaseOf }) => {
          const sql = `SELECT 1; USE ${databaseOf('b')}; SELECT * FROM items`
          const error = await rejection(tenantKnex('a').raw(sql))
          expect(error).to.include({ code: 'ERR_WRONG_TENANT', tenant: 'a', outcome: 'executed' })
          expect(await tenantKnex('a')('items').distinct().pluck('tenant')).to.deep.equal(['a'])
          expect(tenantKnex.stats().servers[0].discards).to.equal(1)
        },
        {
          connection: { ...urlOptions(server.url), multipleStatements: true },
          allowMultipleStatements: true,
        },
      ))

    it('with commands queued behind it: none of them runs', () =>
      onOneConnection(
        server,
        async ({ tenantKnex, databaseOf }) => {
          const { client } = tenantKnex('a')
          const lease: RawLease = await client.acquireConnection()
          const change = rejection(ask(lease, `DO 1; USE ${databaseOf('b')}`))
          const queued = rejection(ask(lease, 'UPDATE items SET val = 66'))
          expect(await change).to.have.property('code', 'ERR_WRONG_TENANT')
          expect(await queued).to.include({ code: 'ERR_CONNECTION_CLOSED', outcome: 'not-sent' })
          await client.releaseConnection(lease)
          for (const id of ['a', 'b']) {
            expect(await tenantKnex(id)('items').max({ val: 'val' }).first(), id).to.deep.equal({
              val: 0,
            })
          }
        },
        {
          connection: { ...urlOptions(server.url), multipleStatements: true },
          allowMultipleStatements: true,
        },
      ))

    if (server.name === 'MariaDB') {
      it('by EXECUTE IMMEDIATE: the result is withheld', () =>
        onOneConnection(server, async ({ tenantKnex, databaseOf }) => {
          const error = await rejection(
            tenantKnex('a').raw(`EXECUTE IMMEDIATE 'USE ${databaseOf('b')}'`),
          )
          expect(error).to.include({ code: 'ERR_WRONG_TENANT', outcome: 'executed' })
          expect(await tenantKnex('a')('items').distinct().pluck('tenant')).to.deep.equal(['a'])
        }))

      it('in a block that comes back: the result is withheld', () =>
        onOneConnection(server, async ({ tenantKnex, databaseOf }) => {
          const error = await rejection(
            tenantKnex('a').raw(
              `BEGIN NOT ATOMIC EXECUTE IMMEDIATE 'USE ${databaseOf('b')}';
               EXECUTE IMMEDIATE 'SELECT * FROM items';
               EXECUTE IMMEDIATE 'USE ${databaseOf('a')}'; END`,
            ),
          )
          expect(error).to.include({ code: 'ERR_WRONG_TENANT', outcome: 'executed' })
        }))

      it('is not all that spoils a connection: a prepared XA transaction closes it', () =>
        onOneConnection(server, async ({ tenantKnex, admin }) => {
          const xid = `tk_${process.pid}`
          await withLease(tenantKnex, 'a', async (lease) => {
            for (const sql of [
              `XA START '${xid}'`,
              'UPDATE items SET val = 1',
              `XA END '${xid}'`,
              `XA PREPARE '${xid}'`,
            ]) {
              await ask(lease, sql)
            }
          })
          expect(await tenantKnex('b')('items').first('tenant')).to.deep.equal({ tenant: 'b' })
          expect(tenantKnex.stats().servers[0].discards).to.equal(1)
          await admin.query(`XA ROLLBACK '${xid}'`)
        }))

      it('in a block that then fails, unreported: the next statement runs at home', () =>
        onOneConnection(server, async ({ tenantKnex, databaseOf }) => {
          await withLease(tenantKnex, 'a', async (lease) => {
            await rejection(
              ask(
                lease,
                `BEGIN NOT ATOMIC EXECUTE IMMEDIATE 'USE ${databaseOf('b')}';
                 SIGNAL SQLSTATE '45000'; END`,
              ),
            )
            expect(await ask(lease, 'SELECT DISTINCT tenant FROM items')).to.deep.equal([
              { tenant: 'a' },
            ])
          })
        }))

      it('in a block that streams rows: none of them is handed out', () =>
        onOneConnection(server, async ({ tenantKnex, databaseOf }) => {
          const rows: unknown[] = []
          const stream = tenantKnex('a')
            .raw(
              `BEGIN NOT ATOMIC EXECUTE IMMEDIATE 'USE ${databaseOf('b')}';
               EXECUTE IMMEDIATE 'SELECT * FROM items'; END`,
            )
            .stream()
          const error = await rejection(
            new Promise((resolve, reject) => {
              stream
                .on('data', (row) => rows.push(row))
                .on('error', reject)
                .on('end', resolve)
            }),
          )
          expect(error).to.have.property('code', 'ERR_WRONG_TENANT')
          expect(rows).to.deep.equal([])
          expect(await tenantKnex('a')('items').distinct().pluck('tenant')).to.deep.equal(['a'])
        }))
    }

    it('by switching session tracking off is refused', () =>
      onOneConnection(server, async ({ tenantKnex }) => {
        const error = await rejection(tenantKnex('a').raw('SET session_track_schema = OFF'))
        expect(error).to.have.property('code', 'ERR_STATEMENT_REFUSED')
      }))
  })

  describe('a connection kept after its release', () => {
    it('answers nothing, and blocks nobody', () =>
      onOneConnection(server, async ({ tenantKnex }) => {
        const { client } = tenantKnex('a')
        const kept: RawLease = await client.acquireConnection()
        const statement = await prepare(kept, 'SELECT tenant FROM items LIMIT 1')
        expect(await runPrepared(statement)).to.deep.equal([{ tenant: 'a' }])
        await client.releaseConnection(kept)
        for (const attempt of [
          () => ask(kept, 'SELECT * FROM items'),
          () => ask(kept, 'SELECT * FROM items', 'execute'),
          () => prepare(kept, 'SELECT 1'),
          () => runPrepared(statement),
        ]) {
          expect(await rejection(attempt())).to.include({
            code: 'ERR_WRONG_TENANT',
            tenant: 'a',
            outcome: 'not-sent',
          })
        }
        expect(await tenantKnex('b')('items').distinct().pluck('tenant')).to.deep.equal(['b'])
      }))

    it('released in the middle of a transaction: nothing of it is committed', () =>
      onOneConnection(server, async ({ tenantKnex }) => {
        const { client } = tenantKnex('a')
        const kept: RawLease = await client.acquireConnection()
        await ask(kept, 'BEGIN')
        await ask(kept, 'UPDATE items SET val = 5')
        await client.releaseConnection(kept)
        const b = tenantKnex('b')('items').pluck('val')
        expect(await rejection(ask(kept, 'COMMIT'))).to.have.property('code', 'ERR_WRONG_TENANT')
        expect(await b).to.deep.equal([0, 0, 0, 0, 0])
        expect(await tenantKnex('a')('items').pluck('val')).to.deep.equal([0, 0, 0, 0, 0])
      }))

    it('may have been paused: the next one is not', () =>
      onOneConnection(server, async ({ tenantKnex }) => {
        const { client } = tenantKnex('a')
        const lease = await client.acquireConnection()
        await ask(lease, 'SELECT 1')
        lease.pause()
        await client.releaseConnection(lease)
        expect(await tenantKnex('a')('items').first('tenant')).to.deep.equal({ tenant: 'a' })
      }))

    it('cannot cancel what runs on it now', () =>
      onOneConnection(server, async ({ tenantKnex }) => {
        const { client } = tenantKnex('a')
        const lease = await client.acquireConnection()
        await client.releaseConnection(lease)
        const sleeping = tenantKnex('b')
          .raw('SELECT SLEEP(0.2) AS slept')
          .then(([[row]]) => row.slept)
        const cancelled = await rejection((async () => client.cancelQuery(lease))())
        expect(cancelled).to.have.property('code', 'ERR_WRONG_TENANT')
        expect(await sleeping).to.equal(0)
      }))

    it('is not given on while a cancel for it is on its way', () => {
      const slowly = async () => {
        await sleep(200)
        return { ...urlOptions(server.url), expirationChecker: () => true }
      }
      return onOneConnection(
        server,
        async ({ tenantKnex }) => {
          const trx = await tenantKnex('a').transaction()
          const timedOut = rejection(trx.raw('SELECT SLEEP(0.15)').timeout(50, { cancel: true }))
          await sleep(5)
          const committed = trx.commit()
          const slept = tenantKnex('b').raw('SELECT SLEEP(0.6) AS slept')
          expect((await slept)[0][0].slept).to.equal(0)
          await Promise.allSettled([timedOut, committed])
        },
        { connection: slowly },
      )
    })

    it('may be released twice, while it is another’s by then', () =>
      onOneConnection(server, async ({ tenantKnex }) => {
        const first = await tenantKnex('a').client.acquireConnection()
        await tenantKnex('a').client.releaseConnection(first)
        const second: RawLease = await tenantKnex('b').client.acquireConnection()
        await tenantKnex('a').client.releaseConnection(first)
        expect(tenantKnex.stats().servers[0].used).to.equal(1)
        expect(await ask(second, 'SELECT DISTINCT tenant FROM items')).to.deep.equal([
          { tenant: 'b' },
        ])
        await tenantKnex('b').client.releaseConnection(second)
      }))
  })

  describe('prepared statements', () => {
    it('of mysql2’s cache read and write the present tenant’s tables', () =>
      onOneConnection(server, async ({ tenantKnex }) => {
        for (const id of ['a', 'b', 'a', 'c']) {
          await withLease(tenantKnex, id, async (lease) => {
            await ask(lease, 'UPDATE items SET val = val + 1', 'execute')
            expect(await ask(lease, 'SELECT DISTINCT tenant FROM items', 'execute')).to.deep.equal([
              { tenant: id },
            ])
          })
        }
        for (const [id, val] of [
          ['a', 2],
          ['b', 1],
          ['c', 1],
        ] as const) {
          expect(await tenantKnex(id)('items').max({ val: 'val' }).first()).to.deep.equal({ val })
        }
      }))

    it('behind a failed switch fail once, with the switch’s error', () =>
      onOneConnection(server, async ({ tenantKnex }) => {
        await withLease(tenantKnex, 'missing', async (lease) => {
          let calls = 0
          const error = await rejection(
            new Promise((resolve, reject) => {
              lease.execute('SELECT 1', (failure) => {
                calls++
                if (failure) reject(failure)
                else resolve(undefined)
              })
            }),
          )
          expect(error).to.have.property('code', 'ERR_TENANT_DATABASE_MISSING')
          await rejection(ask(lease, 'SELECT 1'))
          expect(calls).to.equal(1)
        })
        await until('the connection is free', () => tenantKnex.stats().servers[0].used === 0)
      }))
  })
})
