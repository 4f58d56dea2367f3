import { randomBytes } from 'node:crypto'
import mysql, { type Connection } from 'mysql2/promise'
import type { TestServer } from '../../test/support/tenants.ts'

/** Tables with the names of `information_schema`'s, keywords as names, and usual ones. */
export const TABLES = [
  'events',
  'files',
  'tables',
  'views',
  'plugins',
  'columns',
  'items',
  'order',
  'wei`rd',
  'Mixed',
] as const

/** The columns of each table. */
export const COLUMNS = ['id', 'tenant', 'n', 'parent', 'key', 'from'] as const

/** The mark of the other tenant's rows. */
export const MARK = 'TRAP'

/** The databases of a run. All have the same tables. */
export interface Databases {
  readonly admin: Connection
  /** Plain Knex's. */
  readonly plain: string
  /** The tenant's, as tenantKnex reaches it. */
  readonly tenant: string
  /** For the statements that are sent from the trap. */
  readonly replayed: string
  /** For changed texts: each runs in there several times, and is rolled back. */
  readonly changed: string
  /** The other tenant's: its rows are marked, and its triggers record each write. */
  readonly trap: string
  drop(): Promise<void>
}

const OWN = ['plain', 'tenant', 'replayed', 'changed']

/** Creates the databases of a run. */
export async function createDatabases(server: TestServer): Promise<Databases> {
  const admin = await mysql.createConnection({ uri: server.adminUrl, multipleStatements: true })
  // Servers look for the best order of joins for very long.
  await admin.query('SET GLOBAL optimizer_search_depth = 3')
  const prefix = `tk_q_${randomBytes(3).toString('hex')}_`
  const named = (name: string): string => prefix + name
  for (const name of OWN) await create(admin, named(name), 'own')
  await create(admin, named('trap'), MARK)
  await createTriggers(admin, named('trap'))
  return {
    admin,
    plain: named('plain'),
    tenant: named('tenant'),
    replayed: named('replayed'),
    changed: named('changed'),
    trap: named('trap'),
    async drop() {
      for (const name of [...OWN, 'trap']) {
        await admin.query('DROP DATABASE ??', [named(name)])
      }
      await admin.query('SET GLOBAL optimizer_search_depth = DEFAULT')
      await admin.end()
    },
  }
}

async function create(admin: Connection, database: string, owner: string): Promise<void> {
  await admin.query('CREATE DATABASE ?? CHARACTER SET utf8mb4', [database])
  for (const [at, table] of TABLES.entries()) {
    await admin.query(
      `CREATE TABLE ??.?? (
        id INT AUTO_INCREMENT PRIMARY KEY, tenant VARCHAR(20) NOT NULL DEFAULT '${owner}', n INT,
        parent INT, \`key\` VARCHAR(20) UNIQUE, \`from\` INT, at DATETIME(3)
      )`,
      [database, table],
    )
    const isTrap = owner === MARK
    const rows = Array.from({ length: isTrap ? 4 : 5 + (at % 3) }, (_, index) => {
      const id = isTrap ? index + 2 : index + 1
      return [
        id,
        owner,
        isTrap ? 1_000 + at : (id * 7 + at) % 10,
        (id * 3 + at) % 6,
        `k${id}`,
        id % 3,
      ]
    })
    await admin.query(`INSERT INTO ??.?? (??) VALUES ?`, [database, table, COLUMNS, rows])
  }
}

async function createTriggers(admin: Connection, database: string): Promise<void> {
  await admin.query(`CREATE TABLE ??.recorded (\`change\` VARCHAR(80)) ENGINE = MyISAM`, [database])
  for (const [at, table] of TABLES.entries()) {
    for (const change of ['INSERT', 'UPDATE', 'DELETE']) {
      await admin.query(
        `CREATE TRIGGER ??.t_${at}_${change} AFTER ${change} ON ??.?? FOR EACH ROW
          INSERT INTO ??.recorded VALUES ('${change} ${table}')`,
        [database, database, table, database],
      )
    }
  }
}
