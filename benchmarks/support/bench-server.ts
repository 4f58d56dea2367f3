import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise'
import type { Setting } from './contender.ts'
import { databaseNames, prepareDatabases } from './data.ts'
import { type CpuMeter, serverCpu } from './server-cpu.ts'

/** A database server that is measured on. */
export interface BenchServer {
  readonly name: 'MariaDB' | 'MySQL'
  /** Of an account that may do everything. */
  readonly url: string
}

/** A server with tenants' databases, while it is measured on. */
export interface Field {
  readonly name: BenchServer['name']
  readonly version: string
  /** Undefined where the server's process cannot be seen. */
  readonly cpu: CpuMeter | undefined
  /** The databases of so many tenants; those that are not there are made. */
  databases(tenants: number): Promise<readonly string[]>
  /** An account of its own for a contender, so that its connections can be counted. */
  account(number: number): Promise<Setting['connection']>
  /** Connections that an account has now. */
  connections(user: string): Promise<number>
  /** A statement on a connection beside all contenders. */
  query(sql: string): Promise<unknown>
}

/** The servers that this run has: `npm run bench` starts them. */
export function benchServers(): BenchServer[] {
  const { TENANT_KNEX_MARIADB_URL, TENANT_KNEX_MYSQL_URL } = process.env
  const found: BenchServer[] = []
  if (TENANT_KNEX_MARIADB_URL) found.push({ name: 'MariaDB', url: TENANT_KNEX_MARIADB_URL })
  if (TENANT_KNEX_MYSQL_URL) found.push({ name: 'MySQL', url: TENANT_KNEX_MYSQL_URL })
  if (found.length === 0) throw new Error('There is no server to measure on: npm run bench.')
  return found
}

/** Runs a function with a server that is ready, and removes the accounts afterwards. */
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

/** With the rights of an application that has a database for each tenant. */
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
