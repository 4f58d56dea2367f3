import mysql, { type Connection } from 'mysql2/promise'
import { ExampleError } from './failure.ts'

/** The rows that each demo tenant's database begins with: the same keys, different content. */
const TENANTS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  acme: {
    'Wile E.': ['Rocket skates: order a second pair', 'The tunnel was only painted'],
    Marvin: ['Ask for a better view of Venus'],
  },
  globex: {
    Hank: ['Hammocks for the whole department', 'Book the volcano for Friday'],
    Frank: ['Who moved my sugar?', 'Decline the moat, keep the sharks'],
  },
}

/** The ids of the tenants in all examples. */
export const TENANT_IDS: readonly string[] = Object.keys(TENANTS)

/** The server for the databases, and the prefix of their names. */
interface Place {
  readonly DATABASE_URL: string
  readonly DATABASE_PREFIX: string
}

/**
 * Runs a function with a database for each tenant, and one `catalog` that maps tenants to databases.
 * Afterwards drops the databases that it has created, and no others.
 */
export async function withTenantDatabases(
  { DATABASE_URL, DATABASE_PREFIX }: Place,
  stopped: AbortSignal,
  run: () => Promise<void>,
): Promise<void> {
  const created: string[] = []
  try {
    await onServer(DATABASE_URL, async (connection) => {
      for (const name of [...TENANT_IDS, 'catalog']) {
        if (stopped.aborted) return
        const database = `${DATABASE_PREFIX}${name}`
        await createDatabase(connection, database)
        created.push(database)
        await fillDatabase(connection, name, DATABASE_PREFIX)
      }
    })
    if (!stopped.aborted) await run()
  } finally {
    await dropDatabases(DATABASE_URL, created)
  }
}

async function createDatabase(connection: Connection, database: string): Promise<void> {
  try {
    // Without IF NOT EXISTS: an existing database belongs to another user.
    await connection.query('CREATE DATABASE ?? CHARACTER SET utf8mb4', [database])
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ER_DB_CREATE_EXISTS') throw error
    throw new ExampleError(
      `The database ${database} exists already. Examples use and drop only databases that they have created. ` +
        'Is an example running elsewhere? If one was killed, drop its databases. ' +
        'Or use other names: DATABASE_PREFIX=mine_ npm run example -- ...',
    )
  }
  await connection.query('USE ??', [database])
}

async function fillDatabase(connection: Connection, name: string, prefix: string): Promise<void> {
  if (name === 'catalog') return fillCatalog(connection, prefix)
  await connection.query(
    'CREATE TABLE authors (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(50) NOT NULL)',
  )
  // Each row names its tenant, so that a row in the wrong place is noticed.
  await connection.query(
    `CREATE TABLE notes (id INT AUTO_INCREMENT PRIMARY KEY, text VARCHAR(200) NOT NULL,
      author_id INT, tenant VARCHAR(64) NOT NULL DEFAULT ?,
      FOREIGN KEY (author_id) REFERENCES authors (id))`,
    [name],
  )
  for (const [author, texts] of Object.entries(TENANTS[name] ?? {})) {
    await connection.query('INSERT INTO authors (name) VALUES (?)', [author])
    const rows = texts.map((text) => [text])
    await connection.query('INSERT INTO notes (text) VALUES ?', [rows])
    await connection.query(
      'UPDATE notes SET author_id = (SELECT MAX(id) FROM authors) WHERE author_id IS NULL',
    )
  }
}

async function fillCatalog(connection: Connection, prefix: string): Promise<void> {
  await connection.query(
    'CREATE TABLE tenants (id VARCHAR(64) PRIMARY KEY, database_name VARCHAR(64) NOT NULL)',
  )
  const rows = TENANT_IDS.map((id) => [id, `${prefix}${id}`])
  await connection.query('INSERT INTO tenants VALUES ?', [rows])
}

/** Uses a new connection, because one that was idle for hours may be closed. */
async function dropDatabases(url: string, databases: readonly string[]): Promise<void> {
  if (databases.length === 0) return
  try {
    await onServer(url, async (connection) => {
      for (const database of databases) {
        await connection.query('DROP DATABASE IF EXISTS ??', [database])
      }
    })
  } catch (error) {
    const { message } = error as Error
    throw new ExampleError(`Could not be dropped: ${databases.join(', ')}. ${message}`)
  }
}

async function onServer(url: string, work: (connection: Connection) => Promise<void>) {
  const connection = await mysql.createConnection({ uri: url })
  try {
    await work(connection)
  } finally {
    await connection.end()
  }
}
