import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise'
import { isBrief } from './brief.ts'

/** How many caches of open tables MySQL has. A connection uses one of them (`table_open_cache_instances`). */
const TABLE_CACHES = 16

/** How many tenants' tables are opened before a measurement: those of the most popular ones. */
const MAX_OPENED = 1_000

/** How many tables one statement opens. */
const OPENED_TOGETHER = 50

/** The single database of contenders without tenants. */
export const FLOOR = 'bench_floor'

/** How many rows `items` has, with ids from 1, in every database. */
export const ITEMS = 50

/** `val` of every row, and every value written to it, equals the tenant's number modulo this. */
export const VALUE_MODULUS = 16_384

/** How many databases are created at a time. */
const CONNECTIONS = 4

const COLUMNS = `
  id INT NOT NULL PRIMARY KEY,
  tenant VARCHAR(64) NOT NULL,
  val INT UNSIGNED NOT NULL,
  name VARCHAR(64) NOT NULL,
  category VARCHAR(32) NOT NULL,
  price DECIMAL(10, 2) NOT NULL,
  quantity INT NOT NULL,
  rating DOUBLE NOT NULL,
  is_active TINYINT NOT NULL,
  note VARCHAR(255),
  created_at DATETIME NOT NULL,
  updated_at DATETIME(3) NOT NULL`

/** The databases of this many tenants. A tenant's number is its index. */
export function databaseNames(count: number): string[] {
  return Array.from({ length: count }, (_, number) => `bench_${number}`)
}

/** Creates the databases of this many tenants, and the floor, if they are missing. */
export async function prepareDatabases(url: string, tenants: number): Promise<void> {
  const missing = await withAdmin(url, async (admin) => {
    if (!isBrief) await setCaches(admin)
    const present = new Set(await presentDatabases(admin))
    if (!present.has(FLOOR)) await createDatabase(admin, FLOOR, 0)
    return [...databaseNames(tenants).entries()].filter(([, name]) => !present.has(name))
  })
  if (missing.length === 0) return
  await inParallel(url, missing, (admin, [number, name]) => createDatabase(admin, name, number))
  if (!isBrief) await openTables(url, databaseNames(Math.min(tenants, MAX_OPENED)))
}

/**
 * Opens tables, as on a server that has run for a while. Opening takes longer than a switch, and the first
 * contender would open them for all others.
 */
async function openTables(url: string, databases: readonly string[]): Promise<void> {
  const connections = Array.from({ length: TABLE_CACHES }, () => mysql.createConnection(url))
  const admins = await Promise.all(connections)
  for (let from = 0; from < databases.length; from += OPENED_TOGETHER) {
    const selects = databases
      .slice(from, from + OPENED_TOGETHER)
      .map((name) => `SELECT id FROM ${name}.items WHERE id = 1`)
    await Promise.all(admins.map((admin) => admin.query(selects.join(' UNION ALL '))))
  }
  for (const admin of admins) await admin.end()
}

/** Drops all databases that were created here. */
export async function dropDatabases(url: string): Promise<void> {
  const present = await withAdmin(url, presentDatabases)
  await inParallel(url, present, (admin, name) => admin.query(`DROP DATABASE ${name}`))
}

/** Room for thousands of small tables, and for the connections of many pools. */
const SETTINGS: Readonly<Record<string, number>> = {
  table_open_cache: 24_000,
  table_definition_cache: 24_000,
  schema_definition_cache: 24_000, // only on MySQL
  max_connections: 1_000,
}

async function setCaches(admin: Connection): Promise<void> {
  const [rows] = await admin.query<RowDataPacket[]>('SHOW GLOBAL VARIABLES')
  const known = new Set(rows.map(({ Variable_name }) => String(Variable_name)))
  for (const [name, value] of Object.entries(SETTINGS)) {
    if (known.has(name)) await admin.query(`SET GLOBAL ${name} = ${value}`)
  }
}

async function presentDatabases(admin: Connection): Promise<string[]> {
  const [rows] = await admin.query<RowDataPacket[]>('SHOW DATABASES')
  const names = rows.map(({ Database }) => String(Database))
  return names.filter((name) => /^bench_(?:\d+|floor)$/.test(name))
}

async function createDatabase(admin: Connection, name: string, number: number): Promise<void> {
  const rows = Array.from({ length: ITEMS }, (_, index) => row(name, number, index + 1))
  await admin.query(`CREATE DATABASE ${name};
    CREATE TABLE ${name}.items (${COLUMNS}) ENGINE = InnoDB;
    INSERT INTO ${name}.items VALUES ${rows.join(', ')}`)
}

function row(name: string, number: number, id: number): string {
  const note = id % 3 === 0 ? 'NULL' : `'What is to be said of item ${id}.'`
  return `(${id}, '${name}', ${number}, 'Item ${id}', 'category ${id % 7}', ${id}.95, ${id * 3},
    ${id / 8}, ${id % 2}, ${note}, '2026-01-${(id % 28) + 1}', '2026-02-03 04:05:06.789')`
}

async function inParallel<Item>(
  url: string,
  items: readonly Item[],
  act: (admin: Connection, item: Item) => Promise<unknown>,
): Promise<void> {
  const left = items.values()
  const worker = (admin: Connection): Promise<void> => actOnAll(left, (item) => act(admin, item))
  await Promise.all(Array.from({ length: CONNECTIONS }, () => withAdmin(url, worker)))
}

async function actOnAll<Item>(
  items: Iterable<Item>,
  act: (item: Item) => Promise<unknown>,
): Promise<void> {
  for (const item of items) await act(item)
}

async function withAdmin<T>(url: string, fn: (admin: Connection) => Promise<T>): Promise<T> {
  const admin = await mysql.createConnection({ uri: url, multipleStatements: true })
  try {
    return await fn(admin)
  } finally {
    admin.destroy()
  }
}
