import { expect } from 'chai'
import mysql from 'mysql2'
import type { BoundKnex, TenantKnex } from '../../../src/index.ts'
import type { PlainReport } from '../../../src/pool/hidden-code/plain-databases.ts'
import {
  onEachServer,
  rejection,
  type TestTenants,
  until,
  urlOptions,
  withTenants,
} from '../../support/tenants.ts'

type Use = (knex: BoundKnex) => PromiseLike<unknown>

/** Self-contained statements. */
const PLAIN: Readonly<Record<string, Use>> = {
  select: (knex) => knex('items').where({ id: 1 }).first(),
  update: (knex) => knex('items').where({ id: 1 }).update({ val: 9 }),
  delete: (knex) => knex('items').where({ id: 1 }).delete(),
  'insert with a key of its own': (knex) => knex('plain').insert({ id: 7 }),
  'insert with a key of the server’s': (knex) => knex('items').insert({ tenant: 'a', val: 1 }),
  'a statement with warnings': (knex) => knex('items').where('tenant', '<', 1),
  'a query in a query': (knex) => knex('items').whereIn('id', knex('items').select('id')),
  'the time': (knex) =>
    knex('items').update({ val: 1 }).where('id', '<', 2).orWhere('val', '>', knex.fn.now()),
  transaction: (knex) =>
    knex.transaction(async (trx) => {
      await trx('items').update({ val: 9 })
      await trx.transaction((inner) => inner('items').where({ id: 1 }).forUpdate())
    }),
  'a transaction that is rolled back': (knex) =>
    rejection(
      knex.transaction(async (trx) => {
        await trx('items').update({ val: 9 })
        throw new Error('no')
      }),
    ),
  stream: async (knex) => {
    for await (const row of knex('items').stream()) expect(row.tenant).to.equal('a')
  },
  'a batch': (knex) => knex.batchInsert('plain', [{ id: 1 }, { id: 2 }, { id: 3 }], 2),
}

/** What the next tenant could find: a value, or whether there is one. */
const TRACES: Readonly<Record<string, { leave: Use; find: string; nothing: unknown }>> = {
  'a variable in raw SQL': {
    leave: (knex) => knex.raw('SET @v = 1'),
    find: '@v',
    nothing: null,
  },
  'a variable inside a builder': {
    leave: (knex) => knex('items').select(knex.raw('@v := id')),
    find: '@v',
    nothing: null,
  },
  'a lock in a value': {
    leave: (knex) => knex('items').update({ val: knex.raw("GET_LOCK('tk_dirty', 0)") }),
    find: "IS_USED_LOCK('tk_dirty')",
    nothing: null,
  },
  'a lock by a name in backticks': {
    leave: (knex) => knex('items').select(knex.raw('??(?, 0)', ['get_lock', 'tk_dirty'])),
    find: "IS_USED_LOCK('tk_dirty')",
    nothing: null,
  },
  'a lock between comments that look like a name': {
    leave: (knex) => knex('items').select(knex.raw('1 /*`*/, get_lock(?, 0) /*`*/', ['tk_dirty'])),
    find: "IS_USED_LOCK('tk_dirty')",
    nothing: null,
  },
  'a variable in a value of the driver': {
    leave: (knex) => knex('items').update({ val: mysql.raw('@v := 1') as never }),
    find: '@v',
    nothing: null,
  },
  "a variable in the driver's options": {
    leave: (knex) => knex('items').options({ sql: 'SET @v = 1' }),
    find: '@v',
    nothing: null,
  },
  'the id of an insert': {
    leave: (knex) => knex('items').insert({ tenant: 'a', val: 1 }),
    find: 'LAST_INSERT_ID()',
    nothing: 0,
  },
  warnings: {
    leave: (knex) => knex('items').where('tenant', '<', 1),
    find: '@@warning_count',
    nothing: 0,
  },
  'the id of an insert in a transaction': {
    leave: (knex) => knex.transaction((trx) => trx('items').insert({ tenant: 'a', val: 1 })),
    find: 'LAST_INSERT_ID()',
    nothing: 0,
  },
  'the ids of several tenants': {
    leave: async (knex) => {
      await knex('items').insert({ tenant: 'a', val: 1 })
      await knex('plain').insert({ id: 7 })
    },
    find: 'LAST_INSERT_ID()',
    nothing: 0,
  },
  'an isolation level': {
    leave: (knex) => knex.transaction((trx) => trx('items'), { isolationLevel: 'serializable' }),
    find: "(SELECT 'x')",
    nothing: 'x',
  },
  'a prepared statement': {
    leave: (knex) => withConnection(knex, (connection) => connection.execute('SET @v = 1')),
    find: '@v',
    nothing: null,
  },
  'an error': {
    leave: (knex) => rejection(knex('nowhere')),
    find: '@@error_count',
    nothing: 0,
  },
}

/** Something in a tenant's database that leaves something in the sessions of those who use it. */
interface HiddenCode {
  readonly name: string
  readonly make: readonly string[]
  readonly use: Use
  readonly find: string
  readonly found: unknown
}

const IN_VIEWS: readonly HiddenCode[] = [
  {
    name: 'a view that calls LAST_INSERT_ID(n)',
    make: ['CREATE VIEW leaks AS SELECT LAST_INSERT_ID(77) AS id'],
    use: (knex) => knex('leaks').select('id'),
    find: 'LAST_INSERT_ID()',
    found: 77,
  },
  {
    name: 'a view that calls GET_LOCK',
    make: ["CREATE VIEW leaks AS SELECT GET_LOCK('tk_view', 0) AS isLocked"],
    use: (knex) => knex('leaks').select('isLocked'),
    find: "IS_USED_LOCK('tk_view') = CONNECTION_ID()",
    found: 1,
  },
]

/** MariaDB's alone. */
const IN_COLUMNS: readonly HiddenCode[] = [
  {
    name: 'a view that calls NEXTVAL',
    make: ['CREATE SEQUENCE seq START WITH 41', 'CREATE VIEW leaks AS SELECT NEXTVAL(seq) AS id'],
    use: (knex) => knex('leaks').select('id'),
    find: 'LASTVAL(a.seq)',
    found: 41,
  },
  {
    name: 'the default of a column',
    make: ['CREATE TABLE leaks (id INT, val INT DEFAULT (@v := 5))'],
    use: (knex) => knex('leaks').insert({ id: 1 }),
    find: '@v',
    found: 5,
  },
  {
    name: 'a default that calls NEXTVAL',
    make: [
      'CREATE SEQUENCE seq START WITH 41',
      'CREATE TABLE leaks (id INT, val INT DEFAULT (NEXTVAL(seq)))',
    ],
    use: (knex) => knex('leaks').insert({ id: 1 }),
    find: 'LASTVAL(a.seq)',
    found: 41,
  },
  {
    name: 'a virtual column',
    make: ['CREATE TABLE leaks (id INT, val INT AS (@v := id) VIRTUAL)'],
    use: async (knex) => {
      await knex('leaks').insert({ id: 6 })
      await knex('leaks').select('val')
    },
    find: '@v',
    found: 6,
  },
]

interface Raw {
  execute(sql: string, done: (error: unknown) => void): void
}

interface Prepared {
  execute(values: unknown[], done: (error: unknown) => void): void
}

interface Preparing {
  prepare(sql: string, done: (error: unknown, statement: Prepared) => void): void
}

function prepare(connection: Preparing, sql: string): Promise<Prepared> {
  return new Promise((done, fail) => {
    connection.prepare(sql, (error, statement) => (error ? fail(error) : done(statement)))
  })
}

async function withConnection(
  knex: BoundKnex,
  fn: (connection: { execute(sql: string): Promise<void> }) => Promise<void>,
): Promise<void> {
  const connection: Raw = await knex.client.acquireConnection()
  const execute = (sql: string): Promise<void> =>
    new Promise((done, fail) => {
      connection.execute(sql, (error) => (error ? fail(error) : done()))
    })
  await fn({ execute })
  await knex.client.releaseConnection(connection)
}

function counts(tenantKnex: TenantKnex): { switches: number; handOvers: number } {
  const [{ switches, handOvers }] = tenantKnex.stats().servers
  return { switches, handOvers }
}

/** Waits until the server has said of the databases of a and b whether they have code. */
async function inspected(tenantKnex: TenantKnex, count = 2): Promise<void> {
  for (const id of ['a', 'b']) await tenantKnex(id)('items').limit(1)
  await until('the server’s word about the databases', () => {
    const { unknown, plain, switching } = tenantKnex.stats().servers[0].databases as PlainReport
    const said = plain + Object.values(switching).reduce((sum, number) => sum + number, 0)
    return unknown === 0 && said === count
  })
  for (const id of ['a', 'b']) await tenantKnex(id)('items').limit(1)
}

onEachServer('a common session', (server) => {
  /** Of two tenants on one connection, whose databases the server has called plain. */
  const withOne = (
    test: (context: TestTenants & { since: () => ReturnType<typeof counts> }) => Promise<void>,
    switching: 'auto' | 'pipelined' | 'roundtrip' = 'auto',
    make: (context: TestTenants) => Promise<unknown> = async () => undefined,
    max = 1,
  ): Promise<void> =>
    withTenants(
      server,
      { qualify: 'auto', switching, pool: { max }, tenants: ['a', 'b'] },
      async (context) => {
        await context.admin.query(`CREATE TABLE \`${context.databaseOf('a')}\`.plain (id INT)`)
        await make(context)
        await inspected(context.tenantKnex)
        const before = counts(context.tenantKnex)
        const since = () => {
          const now = counts(context.tenantKnex)
          return {
            switches: now.switches - before.switches,
            handOvers: now.handOvers - before.handOvers,
          }
        }
        await test({ ...context, since })
      },
    )

  for (const switching of ['auto', 'pipelined', 'roundtrip'] as const) {
    it(`needs no switch for self-contained statements of any tenant, ${switching}`, () =>
      withOne(async ({ tenantKnex, since }) => {
        for (let round = 0; round < 3; round++) {
          for (const id of ['a', 'b']) {
            expect(await tenantKnex(id)('items').distinct().pluck('tenant')).to.deep.equal([id])
          }
        }
        expect(since()).to.deep.equal({ switches: 0, handOvers: 0 })
      }, switching))
  }

  for (const [name, use] of Object.entries(PLAIN)) {
    it(`stays common after ${name}`, () =>
      withOne(async ({ tenantKnex, since }) => {
        await use(tenantKnex('a'))
        expect(await tenantKnex('b')('items').distinct().pluck('tenant')).to.deep.equal(['b'])
        expect(since()).to.deep.equal({ switches: 0, handOvers: 0 })
      }))
  }

  for (const [name, { leave, find, nothing }] of Object.entries(TRACES)) {
    it(`is cleaned for a raw statement after ${name}`, () =>
      withOne(async ({ tenantKnex }) => {
        await leave(tenantKnex('a'))
        const [[row]] = await tenantKnex('b').raw(`SELECT ${find} AS found`)
        expect(row.found).to.equal(nothing)
      }))
  }

  it('needs only the database for a raw statement', () =>
    withOne(async ({ tenantKnex, databaseOf, since }) => {
      await tenantKnex('a')('items')
      const [[row]] = await tenantKnex('b').raw('SELECT DATABASE() AS found')
      expect(row.found).to.equal(databaseOf('b'))
      expect(since()).to.deep.equal({ switches: 1, handOvers: 0 })
      await tenantKnex('b')('items')
      await tenantKnex('b').raw('SELECT 1')
      expect(since(), 'it is its own now').to.deep.equal({ switches: 1, handOvers: 0 })
      await tenantKnex('a')('items')
      expect(since()).to.deep.equal({ switches: 2, handOvers: 1 })
      await tenantKnex('b')('items')
      expect(since(), 'and common again').to.deep.equal({ switches: 2, handOvers: 1 })
    }))

  it('is cleaned after what left in one write with a hand-over', () =>
    withOne(async ({ tenantKnex }) => {
      await tenantKnex('a').raw('SET @v = 1')
      await tenantKnex('b').raw('SET @w = 2')
      const [[row]] = await tenantKnex('a').raw('SELECT @v AS v, @w AS w')
      expect(row).to.deep.equal({ v: null, w: null })
    }, 'pipelined'))

  it('keeps its traces through the statements of several tenants', () =>
    withOne(async ({ tenantKnex }) => {
      await tenantKnex('a').raw('SET @v = 1')
      await tenantKnex('a')('items')
      const [[row]] = await tenantKnex('b').raw('SELECT @v AS found')
      expect(row.found).to.equal(null)
    }))

  it('is cleaned after a transaction that was left open', () =>
    withOne(async ({ tenantKnex }) => {
      const connection = await tenantKnex('a').client.acquireConnection()
      await tenantKnex('a').raw('START TRANSACTION').connection(connection)
      await tenantKnex('a')('items').connection(connection).update({ val: 8 })
      await tenantKnex('a').client.releaseConnection(connection)
      expect(await tenantKnex('b')('items').distinct().pluck('tenant')).to.deep.equal(['b'])
      expect(await tenantKnex('a')('items').where({ val: 8 })).to.deep.equal([])
    }))

  it('gives a transaction nothing of another tenant, and lets it keep its own', () =>
    withOne(async ({ tenantKnex, databaseOf }) => {
      await tenantKnex('a')('items').insert({ tenant: 'a', val: 1 })
      await tenantKnex('b').transaction(async (trx) => {
        const [[before]] = await trx.raw('SELECT LAST_INSERT_ID() AS id, DATABASE() AS name')
        expect(before).to.deep.equal({ id: 0, name: databaseOf('b') })
        const [id] = await trx('items').insert({ tenant: 'b', val: 1 })
        const [[after]] = await trx.raw('SELECT LAST_INSERT_ID() AS id')
        expect(after).to.deep.equal({ id })
      })
    }))

  it('keeps a transaction whole although another tenant has left a trace before', () =>
    withOne(async ({ tenantKnex }) => {
      await tenantKnex('a')('items').insert({ tenant: 'a', val: 1 })
      await tenantKnex('b').transaction(async (trx) => {
        await trx('items').insert({ tenant: 'b', val: 71 })
        await trx.raw('SELECT 1')
        await trx('items').insert({ tenant: 'b', val: 72 })
      })
      expect(await tenantKnex('b')('items').whereIn('val', [71, 72])).to.have.length(2)
    }))

  it('takes a raw statement inside a transaction, which goes on', () =>
    withOne(async ({ tenantKnex, since }) => {
      await tenantKnex('a').transaction(async (trx) => {
        const [id] = await trx('items').insert({ tenant: 'a', val: 77 })
        const [[row]] = await trx.raw(
          'SELECT LAST_INSERT_ID() AS id, val FROM items WHERE id = ?',
          [id as number],
        )
        expect(row).to.deep.equal({ id, val: 77 })
        await trx('items').where({ id }).update({ val: 78 })
      })
      expect(await tenantKnex('a')('items').where({ val: 78 })).to.have.length(1)
      expect(since().handOvers).to.equal(0)
    }))

  it('is its holder’s own if user code holds the connection', () =>
    withOne(async ({ tenantKnex }) => {
      await tenantKnex('b')('items').insert({ tenant: 'b', val: 1 })
      const a = tenantKnex('a')
      const connection = await a.client.acquireConnection()
      const [id] = await a('items').insert({ tenant: 'a', val: 1 }).connection(connection)
      const [[row]] = await a.raw('SELECT LAST_INSERT_ID() AS id').connection(connection)
      expect(row).to.deep.equal({ id })
      await a.client.releaseConnection(connection)
    }))

  it('ends with an error of the server, whatever it was', () =>
    withOne(async ({ tenantKnex, since }) => {
      const error = await rejection(tenantKnex('a')('items').insert({ id: 1, tenant: 'a', val: 1 }))
      expect(error).to.have.property('code', 'ER_DUP_ENTRY')
      await tenantKnex('b')('items')
      expect(since().handOvers).to.equal(1)
    }))

  it('is cleaned of another tenant’s trace although an error has made it its tenant’s', () =>
    withOne(async ({ tenantKnex }) => {
      await tenantKnex('a')('items').insert({ tenant: 'a', val: 1 })
      await rejection(tenantKnex('b')('nowhere'))
      const [[row]] = await tenantKnex('b').raw('SELECT LAST_INSERT_ID() AS found')
      expect(row.found).to.equal(0)
    }))

  it('shows users the statement that Knex has made', () =>
    withOne(async ({ tenantKnex, databaseOf }) => {
      const a = tenantKnex('a')
      const seen: string[] = []
      a.on('query', ({ sql }) => seen.push(sql))
      a.on('query-error', (error: Error & { sql: string }, { sql }: { sql: string }) =>
        seen.push(sql, error.sql),
      )
      a.on('query-response', (_rows, { sql }) => seen.push(sql))
      await a('items').where({ id: 1 })
      const failing = a('items').insert({ id: 1, tenant: 'it’s `a`', val: 1 })
      const error = (await rejection(failing)) as unknown as Error & { sql: string }
      expect(error.sql).to.equal(failing.toString())
      expect(error.message).to.contain(failing.toString()).and.not.contain(databaseOf('a'))
      const stream = a('nowhere').where({ id: 1 }).stream()
      const missing = (await rejection(stream.toArray())) as unknown as Error & { sql: string }
      expect(missing.sql).to.equal('select * from `nowhere` where `id` = 1')
      expect(seen).to.have.length.of.at.least(6)
      for (const sql of seen) expect(sql).not.to.contain(databaseOf('a'))
    }))

  it('is not used for a database that is gone', () =>
    withOne(async ({ tenantKnex, admin, databaseOf }) => {
      await admin.query(`DROP DATABASE \`${databaseOf('b')}\``)
      await rejection(tenantKnex('b')('items').update({ val: 6 }))
      const error = await rejection(tenantKnex('b')('items').update({ val: 6 }))
      expect(error).to.have.property('code', 'ERR_TENANT_DATABASE_MISSING')
      expect(await tenantKnex('a')('items').where({ val: 6 })).to.deep.equal([])
    }, 'pipelined'))

  it('is not used for text that a queryFormat has made', () => {
    const queryFormat = (sql: string, values: unknown): string =>
      mysql.format(sql, values as never).replace('from', ', @v := 1 from')
    const connection = { ...urlOptions(server.url), queryFormat }
    const options = { qualify: 'auto', connection, pool: { max: 1 } } as const
    return withTenants(server, options, async ({ tenantKnex }) => {
      await inspected(tenantKnex)
      await tenantKnex('a')('items')
      const [[row]] = await tenantKnex('b').raw('SELECT @v AS found')
      expect(row.found).to.equal(null)
    })
  })

  const triggered = async ({ tenantKnex }: TestTenants): Promise<unknown> => {
    await tenantKnex('a')('items').where({ id: 3 }).update({ val: 1 })
    const [[row]] = await tenantKnex('b').raw('SELECT @v AS found')
    return row.found
  }
  const trigger = (database: string): string =>
    `CREATE TRIGGER \`${database}\`.leaks BEFORE UPDATE ON \`${database}\`.items
      FOR EACH ROW SET @v = OLD.id`

  it('is not used for a database with a trigger', () =>
    withOne(
      async (context) => void expect(await triggered(context)).to.equal(null),
      'auto',
      ({ admin, databaseOf }) => admin.query(trigger(databaseOf('a'))),
    ))

  it('is not used from the moment at which a statement of this process makes a trigger', () =>
    withOne(async (context) => {
      await context.tenantKnex('a').raw(trigger(context.databaseOf('a')))
      expect(await triggered(context)).to.equal(null)
    }))

  it('is not used from the moment at which a prepared statement makes a view', () =>
    withOne(
      async ({ tenantKnex }) => {
        const a = tenantKnex('a')
        const connection: Preparing = await a.client.acquireConnection()
        const view = "CREATE VIEW leaks AS SELECT GET_LOCK('tk_view', 0) AS isLocked"
        const statement = await prepare(connection, view)
        await inspected(tenantKnex)
        await new Promise((done) => statement.execute([], done))
        await a('leaks').select('isLocked')
        const find = "IS_USED_LOCK('tk_view') = CONNECTION_ID()"
        const [[row]] = await tenantKnex('b').raw(`SELECT ${find} AS found`)
        expect(row.found).not.to.equal(1)
        await a.client.releaseConnection(connection)
      },
      'auto',
      undefined,
      2,
    ))

  const hidden = server.name === 'MariaDB' ? [...IN_VIEWS, ...IN_COLUMNS] : IN_VIEWS
  for (const { name, make, use, find, found } of hidden) {
    it(`is not used for a database with ${name}`, () =>
      withOne(
        async ({ tenantKnex, databaseOf }) => {
          await use(tenantKnex('a'))
          const question = find.replace('a.', `${databaseOf('a')}.`)
          const [[row]] = await tenantKnex('b').raw(`SELECT ${question} AS found`)
          expect(row.found).not.to.equal(found)
        },
        'auto',
        async ({ admin, databaseOf }) => {
          await admin.query(`USE ${databaseOf('a')}`)
          for (const sql of make) await admin.query(sql)
        },
      ))
  }

  it('is not used if sessions keep statements', () => {
    const session = ["SET optimizer_trace = 'enabled=on'"]
    const options = { qualify: 'auto', session, pool: { max: 1 } } as const
    return withTenants(server, options, async ({ tenantKnex }) => {
      await inspected(tenantKnex)
      await tenantKnex('a')('items').where({ tenant: 'card 4111' })
      const question = 'SELECT query AS found FROM information_schema.optimizer_trace'
      const [rows] = await tenantKnex('b').raw(question)
      expect(JSON.stringify(rows)).not.to.contain('card 4111')
    })
  })
})
