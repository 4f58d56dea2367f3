import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import mysql, { type Connection, type RowDataPacket } from 'mysql2/promise'
import { createTenantKnex, type TenantKnex, type TenantKnexOptions } from '../../src/index.ts'

/** A database server that tests run against. */
export interface TestServer {
  readonly name: 'MariaDB' | 'MySQL'
  /** For the pool under test. The account belongs to this process, so that its connections can be counted. */
  readonly url: string
  /** For setting up and watching. */
  readonly adminUrl: string
}

const ACCOUNT = `tk_test_${process.pid}`

/** The servers of this run; `npm test` starts them. */
export function testServers(): TestServer[] {
  const given = [
    { name: 'MariaDB' as const, adminUrl: process.env.TENANT_KNEX_MARIADB_URL },
    { name: 'MySQL' as const, adminUrl: process.env.TENANT_KNEX_MYSQL_URL },
  ]
  return given.flatMap(({ name, adminUrl }) => {
    if (!adminUrl) return []
    const url = new URL(adminUrl)
    url.username = ACCOUNT
    url.password = ''
    return [{ name, adminUrl, url: url.href }]
  })
}

/** Defines the same tests for each server. */
export function onEachServer(title: string, define: (server: TestServer) => void): void {
  for (const server of neededServers()) {
    describe(`${title}, on ${server.name}`, () => {
      withAccounts([server])
      define(server)
    })
  }
}

/** Defines tests that use all servers at the same time, because they wait for long. */
export function onAllServers(title: string, define: (servers: TestServer[]) => void): void {
  const servers = neededServers()
  describe(`${title}, on ${servers.map(({ name }) => name).join(' and ')}`, () => {
    withAccounts(servers)
    define(servers)
  })
}

function neededServers(): TestServer[] {
  const servers = testServers()
  if (servers.length === 0) throw new Error('No database server. Run the tests with `npm test`.')
  return servers
}

function withAccounts(servers: readonly TestServer[]): void {
  const onEach = (sql: string) => Promise.all(servers.map((server) => asAdmin(server, sql)))
  before(() => onEach(`CREATE USER ${ACCOUNT}; GRANT ALL ON *.* TO ${ACCOUNT}`))
  after(() => onEach(`DROP USER ${ACCOUNT}`))
}

async function asAdmin({ adminUrl }: TestServer, sql: string): Promise<void> {
  const admin = await mysql.createConnection({ uri: adminUrl, multipleStatements: true })
  await admin.query(sql)
  await admin.end()
}

/** The resources of a test. */
export interface TestTenants {
  readonly tenantKnex: TenantKnex
  /** A connection outside the pool. */
  readonly admin: Connection
  /** The URL that the pool connects to. */
  readonly url: string
  /** The name of a tenant's database. */
  databaseOf(tenantId: string): string
  /** How many sockets of this pool the server sees now. */
  connectionsSeen(): Promise<number>
}

/** Options of {@link withTenants}. */
export interface TestTenantsOptions extends Partial<TenantKnexOptions> {
  readonly tenants?: readonly string[]
}

/** How many rows of `items` each tenant has. The keys are the same, the content differs. */
export const ITEMS = 5

/**
 * Runs a test with tenants a, b and c. Each has its own database with a table `items` whose rows name the
 * tenant. Afterwards everything is removed, and the test fails if a connection is left.
 */
export async function withTenants(
  server: TestServer,
  { tenants = ['a', 'b', 'c'], ...options }: TestTenantsOptions,
  test: (context: TestTenants) => Promise<void>,
): Promise<void> {
  const prefix = `tk_${randomBytes(4).toString('hex')}_`
  const databaseOf = (tenantId: string): string => prefix + tenantId
  const admin = await mysql.createConnection({ uri: server.adminUrl, multipleStatements: true })
  const tenantKnex = createTenantKnex({
    connection: server.url,
    database: databaseOf,
    pool: { max: 4 },
    ...options,
  })
  try {
    for (const id of tenants) await createTenant(admin, id, databaseOf(id))
    const connectionsSeen = async () => (await connectionIds(admin)).length
    await test({ tenantKnex, admin, url: server.url, databaseOf, connectionsSeen })
  } finally {
    await tenantKnex.destroy({ timeoutMillis: 1_000 })
    await dropAll(admin, prefix)
    const left = await connectionsLeft(admin)
    await admin.end()
    expect(left, 'connections left behind').to.deep.equal([])
    expect(tenantKnex.connections(), 'connections in the pool').to.deep.equal([])
  }
}

/** One row of `items`. */
export interface Item {
  id: number
  tenant: string
  val: number
}

async function createTenant(admin: Connection, id: string, database: string): Promise<void> {
  const rows = Array.from({ length: ITEMS }, (_, index) => `(${index + 1}, '${id}', 0)`).join(', ')
  await admin.query(`CREATE DATABASE \`${database}\` CHARACTER SET utf8mb4;
    CREATE TABLE \`${database}\`.items (
      id INT AUTO_INCREMENT PRIMARY KEY, tenant VARCHAR(128) NOT NULL, val INT NOT NULL
    );
    INSERT INTO \`${database}\`.items (id, tenant, val) VALUES ${rows}`)
}

async function dropAll(admin: Connection, prefix: string): Promise<void> {
  const [rows] = await admin.query<RowDataPacket[]>(
    'SELECT schema_name AS name FROM information_schema.schemata WHERE schema_name LIKE ?',
    [`${prefix.replaceAll('_', '\\_')}%`],
  )
  for (const { name } of rows) await admin.query('DROP DATABASE ??', [name])
}

async function connectionIds(admin: Connection): Promise<number[]> {
  const [rows] = await admin.query<RowDataPacket[]>(
    'SELECT id AS id FROM information_schema.processlist WHERE user = ?',
    [ACCOUNT],
  )
  return rows.map(({ id }) => Number(id))
}

/** The server takes a moment to notice a closed socket. */
async function connectionsLeft(admin: Connection): Promise<number[]> {
  for (let attempt = 0; attempt < 40; attempt++) {
    if ((await connectionIds(admin)).length === 0) return []
    await sleep(25)
  }
  return connectionIds(admin)
}

/** Returns the error of a promise that is expected to reject. */
export async function rejection(promise: PromiseLike<unknown>): Promise<RejectedError> {
  try {
    await promise
  } catch (error) {
    return error as RejectedError
  }
  throw new Error('Expected a rejection, but the promise was fulfilled.')
}

/** The properties of errors that tests look at: of our errors, mysql2's and Knex's. */
export type RejectedError = Error & {
  code: string
  tenant?: string
  outcome?: string
  connectionId?: number
  cause?: { code?: string; message?: string }
}

/** Returns the error that a function throws. */
export function thrown(fn: () => unknown): RejectedError {
  try {
    fn()
  } catch (error) {
    return error as RejectedError
  }
  throw new Error('Expected an error, but none was thrown.')
}

/** Waits until a condition holds; fails after two seconds. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    if (await condition()) return
    await sleep(10)
  }
  throw new Error(`Waited two seconds for: ${what}`)
}

/** A server's URL as options, for tests that add more. */
export function urlOptions(url: string): {
  host: string
  port: number
  user: string
  password: string
} {
  const { hostname, port, username, password } = new URL(url)
  return {
    host: hostname,
    port: Number(port || 3306),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
  }
}

/** The tenant in scope, or the code of the error if there is none. */
export function tenantInScope(tenantKnex: TenantKnex): string {
  try {
    return tenantKnex.current().tenant.id
  } catch (error) {
    return (error as { code: string }).code
  }
}
