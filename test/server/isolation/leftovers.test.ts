import { expect } from 'chai'
import { onEachServer, withTenants } from '../../support/tenants.ts'
import {
  ask,
  expectUntouched,
  onOneConnection,
  type Row,
  runAs,
  tenantsRead,
  withLease,
} from './support.ts'

/** What one tenant leaves in a session, the question that shows it, and the databases' names. */
type Leftover = [title: string, statements: string[], question: string]

for (const qualify of ['never', 'auto']) {
  onEachServer(`what one tenant leaves in a session, with qualify: ${qualify}`, (server) => {
    const onOne: typeof onOneConnection = (_server, test, options) =>
      onOneConnection(server, test, { qualify, ...options })

    const isMariaDB = server.name === 'MariaDB'
    const isolation = isMariaDB ? '@@tx_isolation' : '@@transaction_isolation'
    const leftovers: Leftover[] = [
      ['a user variable', ['SET @secret = 7'], 'SELECT @secret AS seen'],
      ['an unreported user variable', ['SELECT 7 INTO @secret'], 'SELECT @secret AS seen'],
      ['sql_mode', ["SET sql_mode = ''"], 'SELECT @@sql_mode AS seen'],
      ['time_zone', ["SET time_zone = '+07:00'"], 'SELECT @@time_zone AS seen'],
      ['foreign_key_checks', ['SET foreign_key_checks = 0'], 'SELECT @@foreign_key_checks AS seen'],
      ['autocommit off', ['SET autocommit = 0'], 'SELECT @@autocommit AS seen'],
      [
        'the isolation level',
        ['SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED'],
        `SELECT ${isolation} AS seen`,
      ],
      ['the character set', ['SET NAMES latin1'], 'SELECT @@character_set_client AS seen'],
      [
        'the character set of answers',
        ['SET character_set_results = NULL'],
        'SELECT @@character_set_results AS seen',
      ],
      [
        'the collation',
        ['SET NAMES utf8mb4 COLLATE utf8mb4_bin'],
        'SELECT @@collation_connection AS seen',
      ],
      [
        'LAST_INSERT_ID',
        ["INSERT INTO items (tenant, val) VALUES ('a', 0)"],
        'SELECT LAST_INSERT_ID() AS seen',
      ],
      [
        'warnings with their values',
        ["SELECT CAST('card 4111' AS SIGNED)"],
        'SELECT @@warning_count AS seen',
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
        onOne(server, async ({ tenantKnex }) => {
          const seen = async (id: string) => (await tenantKnex(id).raw(question))[0][0].seen
          const untouched = await seen('b')
          await runAs(tenantKnex, 'a', statements)
          expect(await seen('b')).to.equal(untouched)
          expect(tenantKnex.connections(), 'it was the same connection').to.have.lengthOf(1)
        }))
    }

    it('is gone for the next: a temporary table that shadows a real one by its qualified name', () =>
      onOne(server, async ({ tenantKnex, databaseOf }) => {
        const table = `${databaseOf('b')}.items`
        await runAs(tenantKnex, 'a', [
          `CREATE TEMPORARY TABLE ${table} (tenant VARCHAR(9))`,
          `INSERT INTO ${table} VALUES ('a')`,
        ])
        const [rows] = await tenantKnex('b').raw(`SELECT DISTINCT tenant FROM ${table}`)
        expect(rows).to.deep.equal([{ tenant: 'b' }])
        expect(await tenantsRead(tenantKnex, 'b')).to.deep.equal(['b'])
      }))

    it('is gone for the next: every variable of the session that can be set', () =>
      onOne(server, async ({ tenantKnex }) => {
        const before = await variablesOf(tenantKnex('b'))
        const changed = await withLease(tenantKnex, 'a', async (lease) => {
          for (const sql of before.flatMap(changeOf)) await ask(lease, sql).catch(() => undefined)
          return (
            await ask(
              lease,
              'SELECT @@sql_safe_updates = 1, @@sql_select_limit > 1, @@unique_checks = 0',
            )
          )[0]
        })
        expect(Object.values(changed ?? {})).to.deep.equal([1, 1, 1])
        const after = await variablesOf(tenantKnex('b'))
        expect(after.filter((row, at) => row.Value !== before[at]?.Value)).to.deep.equal([])
        expect(tenantKnex.stats().servers[0]).to.include({ connects: 1, handOvers: 2 })
      }))

    it('is gone for the next: LOCK TABLES', () =>
      onOne(server, async ({ tenantKnex }) => {
        await tenantKnex('a').raw('LOCK TABLES items WRITE')
        expect(await tenantsRead(tenantKnex, 'b')).to.deep.equal(['b'])
      }))

    it('is gone for the next: a table that HANDLER opened', () =>
      onOne(server, async ({ tenantKnex }) => {
        await runAs(tenantKnex, 'a', ['HANDLER items OPEN AS opened', 'HANDLER opened READ FIRST'])
        const read = tenantKnex('b').raw('HANDLER opened READ FIRST')
        expect(await codeOf(read)).to.equal('ER_UNKNOWN_TABLE')
      }))

    it('is gone for the next: a statement of PREPARE', () =>
      onOne(server, async ({ tenantKnex }) => {
        await tenantKnex('a').raw(`PREPARE kept FROM 'SELECT * FROM items'`)
        expect(await codeOf(tenantKnex('b').raw('EXECUTE kept'))).to.equal(
          'ER_UNKNOWN_STMT_HANDLER',
        )
      }))

    it('is gone for the next: a role', () =>
      onOne(server, async ({ tenantKnex, admin }) => {
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

    const diagnosis: [title: string, begin: string, question: string][] = [
      ['SHOW PROFILES', 'SET profiling = 1', 'SHOW PROFILES'],
      [
        'the optimizer’s trace',
        "SET optimizer_trace = 'enabled=on'",
        'SELECT * FROM information_schema.optimizer_trace',
      ],
    ]
    for (const [title, begin, question] of diagnosis) {
      it(`is gone for the next: what the server keeps for diagnosis, ${title}`, () =>
        onOne(server, async ({ tenantKnex }) => {
          await runAs(tenantKnex, 'a', [begin, "SELECT * FROM items WHERE tenant = 'card 4111'"])
          const [rows] = await tenantKnex('b').raw(question)
          expect(JSON.stringify(rows)).not.to.contain('4111')
        }))
    }

    it('is not gone where the session option set it up', () =>
      onOne(
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

    it('is what all session statements set up together', () =>
      onOne(
        server,
        async ({ tenantKnex }) => {
          for (const id of ['a', 'b']) {
            const [[row]] = await tenantKnex(id).raw('SELECT @@optimizer_switch AS switches')
            const switches = row.switches.split(',')
            expect(switches).to.include.members(['index_merge=off', 'firstmatch=off'])
          }
        },
        {
          session: [
            "SET optimizer_switch = 'index_merge=off'",
            "SET optimizer_switch = 'firstmatch=off'",
          ],
        },
      ))
  })
}

onEachServer('what a tenant leaves in a session, with clean: always', (server) => {
  const always = { clean: 'always' }

  it('is gone for the next, FOUND_ROWS too', () =>
    onOneConnection(
      server,
      async ({ tenantKnex }) => {
        await tenantKnex('a')('items').where('id', '<', 4)
        const [[row]] = await tenantKnex('b').raw('SELECT FOUND_ROWS() AS found')
        expect(row.found).not.to.equal(3)
      },
      always,
    ))

  it('is gone for its owner too', () =>
    onOneConnection(
      server,
      async ({ tenantKnex }) => {
        await runAs(tenantKnex, 'a', ["DO GET_LOCK('tk_always', 0)", 'SET @mine = 1'])
        const [[row]] = await tenantKnex('a').raw(
          "SELECT IS_FREE_LOCK('tk_always') AS free, @mine AS mine",
        )
        expect(row).to.deep.equal({ free: 1, mine: null })
      },
      always,
    ))

  it('keeps no other connection waiting: LOCK TABLES', () =>
    withTenants(server, { ...always, clean: 'always', pool: { max: 2 } }, async (context) => {
      const { tenantKnex, admin, databaseOf } = context
      await tenantKnex('a').raw('LOCK TABLES items WRITE')
      await admin.query('SET lock_wait_timeout = 2')
      await admin.query(`SELECT * FROM ${databaseOf('a')}.items`)
      await expectUntouched(tenantKnex)
    }))
})

type Raw = { raw(sql: string): PromiseLike<[Row[]]> }

/** Those that tell of the moment, or of the connection itself, differ by themselves. */
const MOMENTARY = new Set(['timestamp', 'last_gtid', 'pseudo_thread_id', 'statement_id'])

async function variablesOf(knex: Raw): Promise<Row[]> {
  const [rows] = await knex.raw('SHOW SESSION VARIABLES')
  const isMomentary = ({ Variable_name: name }: Row) =>
    MOMENTARY.has(String(name)) || /^rand_seed|_(?:count|pos)$/.test(String(name))
  return rows.filter((row) => !isMomentary(row))
}

/** Refused, the whole server's, in the way of the test, or with a test of its own. */
const NOT_CHANGED = /^(?:session_track|sql_slave_skip|max_(?:statement|execution)_time|autocommit)/

/** Another value for a variable; the server refuses some, which does not matter. */
function changeOf({ Variable_name: name, Value: value }: Row): string[] {
  if (NOT_CHANGED.test(String(name))) return []
  if (value === 'ON' || value === 'OFF') return [`SET SESSION ${name} = ${value === 'OFF'}`]
  return /^\d+$/.test(String(value)) ? [`SET SESSION ${name} = ${value} + 1`] : []
}

async function codeOf(promise: PromiseLike<unknown>): Promise<unknown> {
  return promise.then(
    () => 'no error',
    (error: { code?: string }) => error.code,
  )
}
