import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise'
import type { Setting } from './contender.ts'
import { databaseNames, prepareDatabases } from './data.ts'
import { type CpuMeter, serverCpu } from './server-cpu.ts'

/** A database server for measurements. */
export interface BenchServer {
  readonly name: 'MariaDB' | 'MySQL'
  /** The URL of an account with all rights. */
  readonly url: string
}

/** A server with tenants' databases during a measurement. */
export interface Field {
  readonly name: BenchServer['name']
  readonly version: string
  /** Undefined if the server's process is not visible. */
  readonly cpu: CpuMeter | undefined
  /** The databases of this many tenants. Missing ones are created. */
  databases(tenants: number): Promise<readonly string[]>
  /** A separate account for a contender, so that its connections can be counted. */
  account(number: number): Promise<Setting['connection']>
  /** How many connections an account has now. */
  connections(user: string): Promise<number>
  /** Sends a statement on a connection that belongs to no contender. */
  query(sql: string): Promise<unknown>
}

/** The servers of this run: `npm run bench` starts them. */
export function benchServers(): BenchServer[] {
  const { TENANT_KNEX_MARIADB_URL, TENANT_KNEX_MYSQL_URL } = process.env
  const found: BenchServer[] = []
  if (TENANT_KNEX_MARIADB_URL) found.push({ name: 'MariaDB', url: TENANT_KNEX_MARIADB_URL })
  if (TENANT_KNEX_MYSQL_URL) found.push({ name: 'MySQL', url: TENANT_KNEX_MYSQL_URL })
  if (found.length === 0) throw new Error('There is no server to measure on: npm run bench.')
  return found
}

/** Runs a function with a prepared server, and removes the accounts afterwards. */
export async function withField<T>(
  server: BenchServer,
  fn: (field: Field) => Promise<T>,
): Promise<T> {
  const admin = await mysql.createConnection(server.url)
  const accounts = new Set<string>()
  try {
    return await fn({
      name: server.name,
      version: await versionOf(admin),
      cpu: await serverCpu(admin),
      databases: async (tenants) => {
        await prepareDatabases(server.url, tenants)
        return databaseNames(tenants)
      },
      account: async (number) => {
        const user = `bench_${process.pid}_${number}`
        if (!accounts.has(user)) await createAccount(admin, user)
        accounts.add(user)
        const { hostname, port } = new URL(server.url)
        return { host: hostname, port: Number(port || 3306), user, password: '' }
      },
      connections: (user) => countConnections(admin, user),
      query: async (sql) => (await admin.query(sql))[0],
    })
  } finally {
    for (const user of accounts) await admin.query(`DROP USER ${user}`)
    await admin.end()
  }
}

async function versionOf(admin: Connection): Promise<string> {
  const [rows] = await admin.query<RowDataPacket[]>('SELECT VERSION() AS version')
  return String(rows[0]?.version)
}

/** It has the rights of an application with a database for each tenant. */
async function createAccount(admin: Connection, user: string): Promise<void> {
  await admin.query(`CREATE USER ${user}`)
  await admin.query(`GRANT ALL ON \`bench\\_%\`.* TO ${user}`)
}

async function countConnections(admin: Connection, user: string): Promise<number> {
  const [rows] = await admin.query<RowDataPacket[]>(
    'SELECT COUNT(*) AS count FROM information_schema.processlist WHERE user = ?',
    [user],
  )
  return Number(rows[0]?.count)
}
