import { expect } from 'chai'
import mysql from 'mysql2'
import type { BoundKnex, TenantKnex } from '../../../src/index.ts'
import {
  onEachServer,
  rejection,
  type TestTenants,
  urlOptions,
  withTenants,
} from '../../support/tenants.ts'

type Use = (knex: BoundKnex) => PromiseLike<unknown>

/** What leaves nothing behind that the next tenant could find. */
const PLAIN: Readonly<Record<string, Use>> = {
  select: (knex) => knex('items').where({ id: 1 }).first(),
  update: (knex) => knex('items').where({ id: 1 }).update({ val: 9 }),
  delete: (knex) => knex('items').where({ id: 1 }).delete(),
  'insert with a key of its own': (knex) => knex('plain').insert({ id: 7 }),
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
  'raw SQL with nothing but words of a query': (knex) => knex.raw('select `val` from `items`'),
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
interface Residue {
  readonly name: string
  readonly make: readonly string[]
  readonly use: Use
  readonly find: string
  readonly found: unknown
}

const IN_VIEWS: readonly Residue[] = [
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
const IN_COLUMNS: readonly Residue[] = [
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

onEachServer('a session that is cleaned when dirty', (server) => {
  const withOne = (
    test: (context: TestTenants) => Promise<void>,
    switching: 'auto' | 'pipelined' | 'roundtrip' = 'auto',
  ): Promise<void> =>
    withTenants(
      server,
      { clean: 'when-dirty', switching, pool: { max: 1 }, tenants: ['a', 'b'] },
      async (context) => {
        await context.admin.query(`CREATE TABLE \`${context.databaseOf('a')}\`.plain (id INT)`)
        await context.tenantKnex('b')('items') // both are known to be there
        await context.tenantKnex('a')('items')
        await test(context)
      },
    )

  for (const switching of ['auto', 'pipelined', 'roundtrip'] as const) {
    it(`is handed over as it is after plain queries, ${switching}`, () =>
      withOne(async ({ tenantKnex }) => {
        for (let round = 0; round < 3; round++) {
          for (const id of ['a', 'b']) {
            expect(await tenantKnex(id)('items').distinct().pluck('tenant')).to.deep.equal([id])
          }
        }
        expect(counts(tenantKnex)).to.deep.equal({ switches: 7, handOvers: 0 })
      }, switching))
  }

  for (const [name, use] of Object.entries(PLAIN)) {
    it(`is clean after ${name}`, () =>
      withOne(async ({ tenantKnex }) => {
        await use(tenantKnex('a'))
        expect(await tenantKnex('b')('items').distinct().pluck('tenant')).to.deep.equal(['b'])
        expect(counts(tenantKnex)).to.deep.equal({ switches: 3, handOvers: 0 })
      }))
  }

  for (const [name, { leave, find, nothing }] of Object.entries(TRACES)) {
    it(`is cleaned after ${name}`, () =>
      withOne(async ({ tenantKnex }) => {
        await leave(tenantKnex('a'))
        const [[row]] = await tenantKnex('b').raw(`SELECT ${find} AS found`)
        expect(row.found).to.equal(nothing)
        expect(counts(tenantKnex).handOvers).to.equal(1)
      }))
  }

  it('is cleaned once, and then trusted again', () =>
    withOne(async ({ tenantKnex }) => {
      await tenantKnex('a').raw('SET @v = 1')
      for (const id of ['b', 'a', 'b']) await tenantKnex(id)('items')
      expect(counts(tenantKnex).handOvers).to.equal(1)
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

  it('fails in no database but its own where that is gone', () =>
    withOne(async ({ tenantKnex, admin, databaseOf }) => {
      await admin.query(`DROP DATABASE \`${databaseOf('b')}\``)
      const error = await rejection(tenantKnex('b')('items').update({ val: 6 }))
      expect(error).to.have.property('code', 'ERR_TENANT_DATABASE_MISSING')
      expect(await tenantKnex('a')('items').where({ val: 6 })).to.deep.equal([])
    }, 'pipelined'))

  it('is cleaned after a stored function whose name ends with a keyword', () =>
    withOne(async ({ tenantKnex, admin, databaseOf }) => {
      await admin.query(`CREATE FUNCTION \`${databaseOf('a')}\`.\`5in\`() RETURNS INT
        RETURN GET_LOCK('tk_dirty', 0)`)
      await tenantKnex('a').raw('select 5in() from `items`')
      const [[row]] = await tenantKnex('b').raw("SELECT IS_USED_LOCK('tk_dirty') AS found")
      expect(row.found).to.equal(null)
    }))

  it('is cleaned after text that a queryFormat has made', () => {
    const queryFormat = (sql: string, values: unknown): string =>
      mysql.format(sql, values as never).replace('from', ', @v := 1 from')
    const connection = { ...urlOptions(server.url), queryFormat }
    const options = { clean: 'when-dirty', connection, pool: { max: 1 } } as const
    return withTenants(server, options, async ({ tenantKnex }) => {
      await tenantKnex('a')('items')
      const [[row]] = await tenantKnex('b').raw('SELECT @v AS found')
      expect(row.found).to.equal(null)
    })
  })

  const withTrigger = async ({ tenantKnex, admin, databaseOf }: TestTenants): Promise<unknown> => {
    await admin.query(`CREATE TRIGGER \`${databaseOf('a')}\`.leaks BEFORE UPDATE
      ON \`${databaseOf('a')}\`.items FOR EACH ROW SET @v = OLD.id`)
    await tenantKnex('a')('items').where({ id: 3 }).update({ val: 1 })
    const [[row]] = await tenantKnex('b').raw('SELECT @v AS found')
    return row.found
  }

  it('shows what a trigger has set to the next tenant: a residue', () =>
    withOne(async (context) => {
      expect(await withTrigger(context)).to.equal(3)
    }))

  it('does not by default', () =>
    withTenants(server, { pool: { max: 1 } }, async (context) => {
      expect(await withTrigger(context)).to.equal(null)
    }))

  const residues = server.name === 'MariaDB' ? [...IN_VIEWS, ...IN_COLUMNS] : IN_VIEWS
  for (const { name, make, use, find, found } of residues) {
    const passOn = async ({ tenantKnex, admin, databaseOf }: TestTenants): Promise<unknown> => {
      await admin.query(`USE ${databaseOf('a')}`)
      for (const sql of make) await admin.query(sql)
      await use(tenantKnex('a'))
      const question = find.replace('a.', `${databaseOf('a')}.`)
      const [[row]] = await tenantKnex('b').raw(`SELECT ${question} AS found`)
      return row.found
    }

    it(`shows what ${name} has left to the next tenant: a residue`, () =>
      withOne(async (context) => {
        expect(await passOn(context)).to.equal(found)
        expect(counts(context.tenantKnex).handOvers).to.equal(0)
      }))

    it(`does not by default: ${name}`, () =>
      withTenants(server, { pool: { max: 1 } }, async (context) => {
        expect(await passOn(context)).not.to.equal(found)
      }))
  }

  const traced = (clean: 'hand-over' | 'when-dirty', check: (found: string) => void) => {
    const session = ["SET optimizer_trace = 'enabled=on'"]
    return withTenants(server, { clean, session, pool: { max: 1 } }, async ({ tenantKnex }) => {
      await tenantKnex('a')('items').where({ tenant: 'card 4111' })
      const question = 'SELECT query AS found FROM information_schema.optimizer_trace'
      const [rows] = await tenantKnex('b').raw(question)
      check(JSON.stringify(rows))
    })
  }

  it('shows statements to the next tenant where sessions keep them: a residue', () =>
    traced('when-dirty', (found) => expect(found).to.contain('card 4111')))

  it('does not by default, where sessions keep them', () =>
    traced('hand-over', (found) => expect(found).not.to.contain('card 4111')))
})
