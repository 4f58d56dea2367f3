import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import type { RowDataPacket } from 'mysql2/promise'
import type { BoundKnex, TenantKnexOptions } from '../../../src/index.ts'
import { listening } from '../../support/diagnostics.ts'
import { type Proxy as NetworkProxy, withProxy } from '../../support/proxy.ts'
import {
  ITEMS,
  type Item,
  onEachServer,
  rejection,
  type TestTenants,
  until,
  urlOptions,
  withTenants,
} from '../../support/tenants.ts'

/** Statements of the query builder, and what they would do to the rows of whoever's database it is. */
const BUILT: Readonly<Record<string, (knex: BoundKnex) => PromiseLike<unknown>>> = {
  select: (knex) => knex('items').where({ id: 1 }),
  first: (knex) => knex('items').first(),
  pluck: (knex) => knex('items').pluck('id'),
  count: (knex) => knex('items').count(),
  insert: (knex) => knex('items').insert({ tenant: 'stray', val: 9 }),
  'insert of a sub-query': (knex) =>
    knex('items').insert(knex('items').select(knex.raw('NULL'), 'tenant', 'val')),
  update: (knex) => knex('items').update({ val: 9 }),
  increment: (knex) => knex('items').increment('val', 9),
  delete: (knex) => knex('items').delete(),
  truncate: (knex) => knex('items').truncate(),
  stream: async (knex) => {
    for await (const row of knex('items').stream()) throw new Error(`a row: ${row.tenant}`)
  },
}

/** One connection, whose last tenant is b, and a and c are known to be there. */
async function warm({ tenantKnex }: TestTenants): Promise<void> {
  for (const id of ['a', 'c', 'b']) await tenantKnex(id)('items')
}

async function rowsOf({ admin, databaseOf }: TestTenants, id: string): Promise<Item[]> {
  const [rows] = await admin.query<(Item & RowDataPacket)[]>('SELECT * FROM ?? ORDER BY id', [
    `${databaseOf(id)}.items`,
  ])
  return rows
}

onEachServer('a statement and its switch', (server) => {
  const withOne = (
    options: Partial<TenantKnexOptions>,
    test: (context: TestTenants & { proxy: NetworkProxy }) => Promise<void>,
  ): Promise<void> =>
    withProxy(server.url, (proxy) =>
      withTenants(
        server,
        { connection: proxy.url, pool: { max: 1 }, ...options },
        async (context) => {
          await warm(context)
          proxy.sent.length = 0
          await test(Object.assign(context, { proxy }))
        },
      ),
    )

  describe('given that the tenant’s database was confirmed lately', () => {
    for (const [title, run] of Object.entries(BUILT)) {
      if (title === 'truncate' || title === 'stream') continue
      it(`when the builder’s ${title} is first, then both leave in one write`, () =>
        withOne({}, async (context) => {
          const { tenantKnex, proxy } = context
          await run(tenantKnex('a'))
          expect(proxy.sent).to.have.lengthOf(1)
          expect(String(proxy.sent[0])).to.contain('SET NAMES').and.contain('`items`')
          const others = await rowsOf(context, 'b')
          expect(others.map(({ tenant, val }) => tenant + val)).to.deep.equal(
            Array(ITEMS).fill('b0'),
          )
          expect(await tenantKnex('a')('items').whereNot({ tenant: 'a' })).to.have.lengthOf(
            title === 'insert' ? 1 : 0,
          )
          expect(proxy.sent).to.have.lengthOf(2)
        }))
    }

    it('when settings go with the character set, then they are in place, and it leaves too', () => {
      const session = [
        "SET time_zone = '+05:00', sql_mode = 'ANSI_QUOTES'",
        'SET wait_timeout = 77',
      ]
      return withOne({ session }, async ({ tenantKnex, proxy }) => {
        await tenantKnex('b').raw("SET time_zone = '+01:00', sql_mode = ''")
        proxy.sent.length = 0
        await tenantKnex('a')('items')
        expect(proxy.sent).to.have.lengthOf(1)
        const statements = server.name === 'MySQL' ? ['SET ', 'SET '] : ['SET '] // SET ROLE
        expect(String(proxy.sent[0]).match(/SET /g)).to.deep.equal(statements)
        const [[row]] = await tenantKnex('a').raw(
          'SELECT @@time_zone AS zone, @@sql_mode AS mode, @@wait_timeout AS seconds',
        )
        expect(row).to.deep.equal({ zone: '+05:00', mode: 'ANSI_QUOTES', seconds: 77 })
      })
    })

    it('when a transaction begins, then BEGIN leaves with it, and all of it is in place', () =>
      withOne({}, async (context) => {
        const { tenantKnex, proxy } = context
        await tenantKnex('a').transaction(async (trx) => {
          expect(proxy.sent).to.have.lengthOf(1)
          await trx('items').update({ val: 3 })
        })
        expect((await rowsOf(context, 'a')).map(({ val }) => val)).to.deep.equal(
          Array(ITEMS).fill(3),
        )
        expect((await rowsOf(context, 'b')).map(({ val }) => val)).to.deep.equal(
          Array(ITEMS).fill(0),
        )
      }))

    it('when a stream is first, then it gives the tenant’s rows, and may be left early', () =>
      withOne({}, async ({ tenantKnex, proxy }) => {
        const seen: string[] = []
        for await (const row of tenantKnex('a')('items').stream()) seen.push(row.tenant)
        expect(seen).to.deep.equal(Array(ITEMS).fill('a'))
        expect(proxy.sent).to.have.lengthOf(1)
        for await (const row of tenantKnex('c')('items').stream()) {
          expect(row.tenant).to.equal('c')
          break
        }
        expect(await tenantKnex('b')('items').distinct().pluck('tenant')).to.deep.equal(['b'])
      }))

    it('when the statement fails by itself, then the error is the server’s own', () =>
      withOne({}, async ({ tenantKnex, proxy }) => {
        const error = await rejection(
          tenantKnex('a')('items').insert({ id: 1, tenant: 'x', val: 0 }),
        )
        expect(error).to.include({ code: 'ER_DUP_ENTRY', outcome: 'failed', tenant: 'a' })
        expect(proxy.sent).to.have.lengthOf(1)
        expect(await tenantKnex('a')('items').distinct().pluck('tenant')).to.deep.equal(['a'])
        expect(await tenantKnex('b')('items').distinct().pluck('tenant')).to.deep.equal(['b'])
      }))

    it('when it is larger than a packet of the protocol, then it is read whole', () =>
      withOne({}, async ({ tenantKnex, admin }) => {
        const [[global]] = await admin.query<RowDataPacket[]>('SELECT @@max_allowed_packet AS n')
        await admin.query('SET GLOBAL max_allowed_packet = 64 * 1024 * 1024')
        try {
          tenantKnex.forget('b') // a connection has the limit that was there when it was made
          const big = 'x'.repeat(17 * 1024 * 1024)
          await tenantKnex('b')('items')
          const n = await tenantKnex('a')('items')
            .where('tenant', '<>', big)
            .count({ n: '*' })
            .first()
          expect(n).to.deep.equal({ n: ITEMS })
        } finally {
          await admin.query('SET GLOBAL max_allowed_packet = ?', [global?.n])
        }
        expect(await tenantKnex('c')('items').distinct().pluck('tenant')).to.deep.equal(['c'])
      }))

    it('when the answers come byte by byte, then each is taken for what it is', () =>
      withOne({}, async ({ tenantKnex, proxy }) => {
        proxy.slice(1)
        for (const id of ['a', 'b', 'c', 'a']) {
          expect(await tenantKnex(id)('items').distinct().pluck('tenant')).to.deep.equal([id])
        }
        proxy.slice(0)
      }))

    it('when it leaves something in the session, then the next tenant does not find it', () =>
      withOne({}, async ({ tenantKnex, proxy }) => {
        const a = tenantKnex('a')
        await a('items').select(a.raw('@left := 7'))
        expect(proxy.sent).to.have.lengthOf(1)
        const c = tenantKnex('c')
        expect(await c('items').first(c.raw('@left AS found'))).to.deep.equal({ found: null })
      }))

    it('when the tenant before has left another character set, then values stay whole', () =>
      withOne({}, async ({ tenantKnex, proxy }) => {
        await tenantKnex('b').raw('SET NAMES gbk')
        proxy.sent.length = 0
        const hostile = "乗' OR 1 = 1 -- "
        await tenantKnex('a')('items').insert({ tenant: hostile, val: 1 })
        expect(proxy.sent).to.have.lengthOf(1)
        expect(
          await tenantKnex('a')('items').where({ tenant: hostile }).pluck('val'),
        ).to.deep.equal([1])
      }))

    for (const [title, options] of [
      ['a raw statement', {}],
      ['a table that is made', {}],
      ['whatever comes', { switching: 'roundtrip' }],
    ] as const) {
      it(`when it is ${title}, it waits for the switch: ${JSON.stringify(options)}`, () =>
        withOne(options, async ({ tenantKnex, proxy }) => {
          const a = tenantKnex('a')
          if (title === 'a raw statement') await a.raw('SELECT 1')
          else if (title === 'whatever comes') await a('items')
          else await a.schema.createTable('more', (table) => void table.increments())
          expect(proxy.sent.length).to.be.least(2)
          expect(String(proxy.sent[0])).to.contain('SET NAMES').and.not.contain('items')
        }))
    }

    it('when everything is to leave with its switch, then so does a raw statement', () =>
      withOne({ switching: 'pipelined' }, async ({ tenantKnex, proxy, databaseOf }) => {
        const [rows] = await tenantKnex('a').raw('SELECT DATABASE() AS name')
        expect(rows).to.deep.equal([{ name: databaseOf('a') }])
        expect(proxy.sent).to.have.lengthOf(1)
        const { client } = tenantKnex('c')
        const lease = await client.acquireConnection()
        const whose = await new Promise((resolve, reject) => {
          lease.execute(
            'SELECT DISTINCT tenant FROM items',
            (error: Error | null, rows: unknown) => (error ? reject(error) : resolve(rows)),
          )
        })
        await client.releaseConnection(lease)
        expect(whose).to.deep.equal([{ tenant: 'c' }])
      }))
  })

  it('leave one after the other where the database was not confirmed yet', () =>
    withProxy(server.url, (proxy) =>
      withTenants(server, { connection: proxy.url, pool: { max: 1 } }, async ({ tenantKnex }) => {
        await tenantKnex('a')('items')
        proxy.sent.length = 0
        await tenantKnex('b')('items')
        expect(proxy.sent).to.have.lengthOf(2)
      }),
    ))

  it('work on a compressed connection, one after the other', () => {
    const connection = { ...urlOptions(server.url), compress: true }
    return withTenants(
      server,
      { connection, pool: { max: 1 }, switching: 'pipelined' },
      async ({ tenantKnex }) => {
        for (const id of ['a', 'b', 'a']) {
          expect(await tenantKnex(id)('items').distinct().pluck('tenant')).to.deep.equal([id])
        }
      },
    )
  })

  describe('given that the database is gone meanwhile', () => {
    const withNone = (
      options: Partial<TenantKnexOptions>,
      test: (context: TestTenants & { proxy: NetworkProxy }) => Promise<void>,
    ) =>
      withOne(options, async (context) => {
        const before = await rowsOf(context, 'b')
        await context.admin.query('DROP DATABASE ??', [context.databaseOf('c')])
        await test(context)
        expect(await rowsOf(context, 'b'), 'rows at stake').to.deep.equal(before)
        // The connection is whole, and clean.
        const { tenantKnex } = context
        expect(await tenantKnex('b')('items').distinct().pluck('tenant')).to.deep.equal(['b'])
        expect(await tenantKnex('a')('items').distinct().pluck('tenant')).to.deep.equal(['a'])
      })

    for (const [title, run] of Object.entries(BUILT)) {
      it(`when ${title} leaves with the switch, then no other tenant’s rows are touched`, () =>
        withNone({}, async ({ tenantKnex, proxy }) => {
          const error = await rejection(run(tenantKnex('c')))
          expect(error).to.include({ code: 'ERR_TENANT_DATABASE_MISSING', tenant: 'c' })
          expect(error.outcome).to.equal(title === 'truncate' ? 'not-sent' : 'failed')
          expect(proxy.accepted, 'connections made').to.equal(1)
        }))
    }

    it('when BEGIN leaves with the switch, then the transaction is no one’s', () =>
      withNone({}, async ({ tenantKnex }) => {
        const error = await rejection(tenantKnex('c').transaction(async () => undefined))
        expect(error).to.include({ code: 'ERR_TENANT_DATABASE_MISSING', outcome: 'executed' })
        expect(tenantKnex.stats().servers[0].leftovers).to.equal(1)
      }))

    it('when a statement touches no table, then it is told that it has run', () =>
      withNone({}, async ({ tenantKnex }) => {
        const c = tenantKnex('c')
        const error = await rejection(c.select(c.raw("GET_LOCK('tk_one_write', 0) AS got")))
        expect(error).to.include({ code: 'ERR_TENANT_DATABASE_MISSING', outcome: 'executed' })
        expect(error.message).to.contain('has run')
      }))

    it('when a statement names a database, then what it did is told, and its rows are withheld', () =>
      withNone({ switching: 'pipelined' }, async ({ tenantKnex, databaseOf }) => {
        const read = tenantKnex('c').raw(`SELECT * FROM ${databaseOf('a')}.items`)
        expect(await rejection(read)).to.include({ outcome: 'executed' })
        const seen: unknown[] = []
        const stream = tenantKnex('c')
          .raw(`SELECT * FROM ${databaseOf('a')}.items`)
          .stream()
        stream.on('data', (row: unknown) => seen.push(row))
        stream.on('fields', (fields: unknown) => seen.push(fields))
        const error = await new Promise<Error>((resolve) => stream.once('error', resolve))
        expect(error).to.include({ code: 'ERR_TENANT_DATABASE_MISSING', outcome: 'executed' })
        expect(seen).to.deep.equal([])
      }))

    it('when it leaves something in the session, then the next tenant does not find it', () =>
      withNone({}, async ({ tenantKnex }) => {
        const c = tenantKnex('c')
        const { outcome } = await rejection(c.select(c.raw('@left := 7')))
        expect(outcome).to.equal('executed')
        const a = tenantKnex('a')
        expect(await a('items').first(a.raw('@left AS found'))).to.deep.equal({ found: null })
      }))

    it('when another tenant is next, then it takes the session over from whose it was', () =>
      withNone({ switching: 'pipelined' }, ({ tenantKnex }) =>
        listening(async (heard) => {
          await rejection(tenantKnex('c').raw('SELECT 1'))
          await tenantKnex('a')('items')
          const handOvers = heard.filter(([name]) => name === 'hand-over')
          expect(handOvers.map(([, { tenant, from }]) => [tenant, from])).to.deep.equal([
            ['a', 'c'],
          ])
        }),
      ))

    it('when it has changed the character set, then the tenant’s own next value stays whole', () =>
      withNone({ switching: 'pipelined' }, async ({ tenantKnex, admin, databaseOf }) => {
        const { outcome } = await rejection(tenantKnex('c').raw('SET NAMES gbk'))
        expect(outcome).to.equal('executed')
        const [c, a] = [databaseOf('c'), databaseOf('a')]
        await admin.query(`CREATE DATABASE \`${c}\` CHARACTER SET utf8mb4;
          CREATE TABLE \`${c}\`.items SELECT * FROM \`${a}\`.items`)
        const hostile = "乗' OR 1 = 1 -- "
        expect(await tenantKnex('c')('items').where({ tenant: hostile })).to.deep.equal([])
      }))

    it('when a raw statement was the first to find out, then the next one waits', () =>
      withNone({}, async ({ tenantKnex }) => {
        expect((await rejection(tenantKnex('c').raw('SELECT 1'))).outcome).to.equal('not-sent')
        expect((await rejection(tenantKnex('c')('items'))).outcome).to.equal('not-sent')
      }))

    it('when it has a time limit, then it fails once', () =>
      withNone({ switching: 'pipelined' }, async ({ tenantKnex }) => {
        const error = await rejection(tenantKnex('c')('items').timeout(5_000))
        expect(error).to.include({ code: 'ERR_TENANT_DATABASE_MISSING', outcome: 'failed' })
        const { client } = tenantKnex('c')
        const lease = await client.acquireConnection()
        const told: string[] = []
        lease.query({ sql: 'SELECT 1', timeout: 60 }, ({ code }: { code: string }) =>
          told.push(code),
        )
        await sleep(150)
        await client.releaseConnection(lease)
        expect(told).to.deep.equal(['ERR_TENANT_DATABASE_MISSING'])
      }))

    it('when its time limit passes before it has failed, then it is told of that alone', () =>
      withNone({ switching: 'pipelined' }, async ({ tenantKnex }) => {
        const { client } = tenantKnex('c')
        const lease = await client.acquireConnection()
        const told: string[] = []
        const sql = { sql: 'SELECT SLEEP(0.3)', timeout: 60 }
        lease.query(sql, ({ code }: { code: string }) => told.push(code))
        await sleep(500)
        await client.releaseConnection(lease)
        expect(told).to.deep.equal(['PROTOCOL_SEQUENCE_TIMEOUT'])
      }))

    it('when its time limit passes before it has failed, then a stream is told of that alone', () =>
      withNone({ switching: 'pipelined' }, async ({ tenantKnex }) => {
        const { client } = tenantKnex('c')
        const lease = await client.acquireConnection()
        const told: string[] = []
        lease
          .query({ sql: 'SELECT SLEEP(0.3)', timeout: 60 })
          .on('error', ({ code }: { code: string }) => told.push(code))
        await sleep(500)
        await client.releaseConnection(lease)
        expect(told).to.deep.equal(['PROTOCOL_SEQUENCE_TIMEOUT'])
      }))

    it('when it is said to be not sent, then neither the network nor the server has seen it', () =>
      withNone({}, async ({ tenantKnex, admin, proxy }) => {
        await admin.query("SET GLOBAL log_output = 'TABLE'; SET GLOBAL general_log = 1")
        try {
          const c = tenantKnex('c')
          const statements = {
            'tk-one': c('items').where('tenant', 'tk-one'),
            'tk-two': c.raw('SELECT ?', ['tk-two']),
          }
          for (const [tag, statement] of Object.entries(statements)) {
            const { outcome } = await rejection(statement)
            expect(outcome).to.equal(tag === 'tk-one' ? 'failed' : 'not-sent')
            const hasLeft = proxy.sent.some((data) => data.includes(tag))
            expect(hasLeft, tag).to.equal(outcome !== 'not-sent')
            const [logged] = await admin.query<RowDataPacket[]>(
              `SELECT 1 FROM mysql.general_log WHERE command_type = 'Query'
                AND argument LIKE ? AND argument NOT LIKE '%general_log%'`,
              [`%${tag}%`],
            )
            // MySQL logs none that it refuses while it reads it.
            if (!hasLeft || server.name === 'MariaDB') {
              expect(logged.length > 0, tag).to.equal(hasLeft)
            }
          }
        } finally {
          await admin.query('SET GLOBAL general_log = 0; TRUNCATE mysql.general_log')
          await admin.query("SET GLOBAL log_output = 'FILE'")
        }
      }))
  })

  describe('given a `session` statement that fails between them', () => {
    const withSession = (
      switching: 'auto' | 'pipelined',
      test: (context: TestTenants) => Promise<void>,
    ): Promise<void> =>
      withTenants(server, {}, async ({ databaseOf, admin, url }) => {
        const session = [`SET @items = (SELECT COUNT(*) FROM \`${databaseOf('c')}\`.items)`]
        const options = { connection: url, session, pool: { max: 1 }, switching }
        await withTenants(server, options, async (context) => {
          await warm(context)
          await admin.query('DROP DATABASE ??', [databaseOf('c')])
          await test(context)
          const untouched = Array(ITEMS).fill(0)
          expect((await rowsOf(context, 'b')).map(({ val }) => val)).to.deep.equal(untouched)
          await until('it is closed', () => context.tenantKnex.connections().length === 0)
        })
      })

    it('then the statement has waited for it, and was not sent', () =>
      withSession('auto', async (context) => {
        const error = await rejection(context.tenantKnex('a')('items').update({ val: 5 }))
        expect(error).to.include({ code: 'ERR_SESSION_SETUP_FAILED', outcome: 'not-sent' })
        const untouched = Array(ITEMS).fill(0)
        expect((await rowsOf(context, 'a')).map(({ val }) => val)).to.deep.equal(untouched)
      }))

    it('when it does not wait, then it is told that it has run', () =>
      withSession('pipelined', async ({ tenantKnex }) => {
        const error = await rejection(tenantKnex('a')('items').update({ val: 5 }))
        expect(error).to.include({ code: 'ERR_SESSION_SETUP_FAILED', outcome: 'executed' })
        expect(error.message).to.match(/has run; its result is withheld\.$/)
      }))

    for (const sleeps of [0, 0.3]) {
      it(`when a time limit passes ${sleeps ? 'before' : 'after'} that, then it is told once`, () =>
        withSession('pipelined', async ({ tenantKnex }) => {
          const { client } = tenantKnex('a')
          const lease = await client.acquireConnection()
          const told: string[] = []
          const sql = { sql: `SELECT SLEEP(${sleeps})`, timeout: 100 }
          lease.query(sql, (error: { code: string }) => told.push(error.code))
          await sleep(600)
          await client.releaseConnection(lease)
          const code = sleeps ? 'PROTOCOL_SEQUENCE_TIMEOUT' : 'ERR_SESSION_SETUP_FAILED'
          expect(told).to.deep.equal([code])
        }))
    }

    it('when a stream has a time limit, then nothing is left to end the process', () =>
      withSession('pipelined', async ({ tenantKnex }) => {
        const stream = tenantKnex('a')('items').options({ timeout: 100 }).stream()
        const error = await new Promise<Error>((resolve) => stream.once('error', resolve))
        expect(error).to.include({ code: 'ERR_SESSION_SETUP_FAILED' })
        await sleep(200) // an error that nobody listens to would end the process
      }))
  })

  it('wait for each other where a role that was taken away would have to come back', () =>
    withTenants(server, {}, async (context) => {
      const { admin, databaseOf, url } = context
      const names = ['user', 'weak', 'strong'].map((name) => `tk_${name}_${process.pid}`)
      const [user, weak, strong] = names as [string, string, string]
      await admin.query(`CREATE USER ${user}@'%'; CREATE ROLE ${weak}; CREATE ROLE ${strong}`)
      try {
        for (const id of ['a', 'b', 'c']) {
          await admin.query(`GRANT SELECT ON \`${databaseOf(id)}\`.* TO ${weak};
            GRANT ALL ON \`${databaseOf(id)}\`.* TO ${strong}`)
        }
        await admin.query(`GRANT ${weak} TO ${user}@'%'; GRANT ${strong} TO ${user}@'%'`)
        const to = server.name === 'MariaDB' ? 'FOR' : 'TO'
        await admin.query(`SET DEFAULT ROLE ${weak} ${to} ${user}@'%'`)
        const connection = { ...urlOptions(url), user, password: '' }
        const options = { connection, database: databaseOf, pool: { max: 1 }, tenants: [] }
        await withTenants(server, options, async ({ tenantKnex }) => {
          await warm({ ...context, tenantKnex })
          await tenantKnex('b').raw(`SET ROLE ${strong}`)
          await admin.query(`REVOKE ${weak} FROM ${user}@'%'`)
          const error = await rejection(tenantKnex('a')('items').update({ val: 6 }))
          expect(error).to.include({ code: 'ERR_SESSION_SETUP_FAILED', outcome: 'not-sent' })
          const untouched = Array(ITEMS).fill(0)
          expect((await rowsOf(context, 'a')).map(({ val }) => val)).to.deep.equal(untouched)
        })
      } finally {
        await admin.query(`DROP USER ${user}@'%'; DROP ROLE ${weak}; DROP ROLE ${strong}`)
      }
    }))

  for (const qualify of ['never', 'auto'] as const) {
    it(`are refused together where the account may not enter the database any more, ${qualify}`, () =>
      withTenants(server, { tenants: ['a', 'b', 'c'] }, async (context) => {
        const { admin, databaseOf, url } = context
        const user = `tk_denied_${process.pid}`
        await admin.query(`CREATE USER ${user}@'%'`)
        for (const id of ['a', 'b', 'c']) {
          await admin.query(`GRANT ALL ON \`${databaseOf(id)}\`.* TO ${user}@'%'`)
        }
        try {
          const connection = { ...urlOptions(url), user, password: '' }
          const options = { connection, database: databaseOf, pool: { max: 1 }, qualify }
          await withTenants(server, { ...options, tenants: [] }, async ({ tenantKnex }) => {
            await warm({ ...context, tenantKnex })
            await admin.query(`REVOKE ALL ON \`${databaseOf('c')}\`.* FROM ${user}@'%'`)
            const error = await rejection(tenantKnex('c')('items').update({ val: 9 }))
            expect(error).to.include({ code: 'ERR_TENANT_DATABASE_DENIED', outcome: 'failed' })
            expect(await tenantKnex('b')('items').sum({ val: 'val' }).first()).to.deep.equal({
              val: '0',
            })
          })
        } finally {
          await admin.query(`DROP USER ${user}@'%'`)
        }
      }))
  }

  describe('given a connection that is cut', () => {
    // RESET, neutral, SET NAMES, on MySQL SET ROLE, database: how many are answered before the cut.
    for (const packets of server.name === 'MySQL' ? [1, 2, 3, 4, 5] : [1, 2, 3, 4]) {
      it(`when that is after ${packets} answers, then nobody knows what became of the statement`, () =>
        withOne({}, async (context) => {
          const { tenantKnex, proxy } = context
          proxy.cutAfter({ direction: 'answers', packets })
          const error = await rejection(tenantKnex('a')('items').update({ val: 1 }))
          expect(error).to.include({ outcome: 'unknown', tenant: 'a' })
          expect(await tenantKnex('a')('items').distinct().pluck('tenant')).to.deep.equal(['a'])
          expect((await rowsOf(context, 'b')).map(({ val }) => val)).to.deep.equal(
            Array(ITEMS).fill(0),
          )
        }))
    }

    for (const bytes of [1, 20, 60, 100]) {
      it(`when that is after ${bytes} bytes have left, then the same`, () =>
        withOne({}, async (context) => {
          const { tenantKnex, proxy } = context
          proxy.cutAfter({ direction: 'sent', bytes })
          const error = await rejection(tenantKnex('a')('items').update({ val: 1 }))
          expect(error).to.include({ outcome: 'unknown', tenant: 'a' })
          expect(await tenantKnex('a')('items').distinct().pluck('tenant')).to.deep.equal(['a'])
          expect((await rowsOf(context, 'b')).map(({ val }) => val)).to.deep.equal(
            Array(ITEMS).fill(0),
          )
        }))
    }
  })

  describe('given a statement that takes long', () => {
    const slow = (knex: BoundKnex) => knex('items').where({ id: 1 }).select(knex.raw('SLEEP(10)'))

    it('when the connection is killed, then its outcome is unknown, and the pool goes on', () =>
      withOne({}, async ({ tenantKnex, admin }) => {
        const failed = rejection(slow(tenantKnex('a')))
        await sleep(100)
        await admin.query('KILL ?', [tenantKnex.connections()[0]?.connectionId])
        expect(await failed).to.include({ outcome: 'unknown', tenant: 'a' })
        expect(await tenantKnex('b')('items').distinct().pluck('tenant')).to.deep.equal(['b'])
      }))

    for (const cancel of [false, true]) {
      it(`when its time is up, then so it is, and the pool goes on; cancelled: ${cancel}`, () =>
        withOne({}, async ({ tenantKnex }) => {
          const error = await rejection(slow(tenantKnex('a')).timeout(100, { cancel }))
          expect(error.name).to.equal('KnexTimeoutError')
          expect(await tenantKnex('b')('items').distinct().pluck('tenant')).to.deep.equal(['b'])
        }))
    }

    it('when a switch behind which it waits is given up, then it does not run on', () =>
      withOne({ switchTimeoutMillis: 200 }, async ({ tenantKnex, connectionsSeen, proxy }) => {
        proxy.stall('answers')
        const failed = rejection(slow(tenantKnex('a')))
        await failed
        proxy.release()
        await until('the server is rid of it', async () => (await connectionsSeen()) === 0)
      }))

    it('when it is cancelled while its switch runs, then it does not run after that', () => {
      const session = ['DO SLEEP(@@GLOBAL.interactive_timeout = 7777)']
      return withOne({ session, switching: 'pipelined' }, async (context) => {
        const { tenantKnex, admin, connectionsSeen } = context
        await admin.query('SET GLOBAL interactive_timeout = 7777')
        try {
          const update = tenantKnex('a')('items').update({ val: 9 })
          const error = await rejection(update.timeout(200, { cancel: true }))
          expect(error.name).to.equal('KnexTimeoutError')
          await until('the server is rid of it', async () => (await connectionsSeen()) === 0)
        } finally {
          await admin.query('SET GLOBAL interactive_timeout = DEFAULT')
        }
        const untouched = Array(ITEMS).fill(0)
        expect((await rowsOf(context, 'a')).map(({ val }) => val)).to.deep.equal(untouched)
      })
    })

    it('when the switch is not answered in time, then its outcome is unknown', () =>
      withOne({ switchTimeoutMillis: 100 }, async ({ tenantKnex, proxy }) => {
        proxy.stall('answers')
        const failed = rejection(tenantKnex('a')('items').update({ val: 1 }))
        const error = await failed
        proxy.release()
        expect(error).to.include({ code: 'ERR_SWITCH_TIMEOUT', outcome: 'unknown', tenant: 'a' })
        expect(await tenantKnex('b')('items').distinct().pluck('tenant')).to.deep.equal(['b'])
      }))
  })
})
