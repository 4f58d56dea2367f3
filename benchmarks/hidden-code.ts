/*
 * How long does a server take to say whether code runs unseen in tenants' databases? Each has two tables, as
 * most have, without such code. They are asked for in batches of several sizes, over a new connection each
 * time. Cold: after FLUSH TABLES, each database for the first time. Warm: again.
 *
 *     npm run servers -- node --import=tsx benchmarks/hidden-code.ts 10000
 */
import { strict as assert } from 'node:assert'
import mysql, { type Connection } from 'mysql2/promise'
import { inspectDatabases } from '../src/connection/hidden-code/inspect-databases.ts'
import { type BenchServer, benchServers } from './support/bench-server.ts'
import { printTable } from './support/result.ts'
import { quartiles } from './support/statistics.ts'

const DATABASES = Number(process.argv[2] ?? 200)
const BATCHES = [1, 20, 50, 100]
/** How many databases are asked for with each size of batch. */
const MAX_ASKED = 2_000
const CONNECTIONS = 4

const HEADING = ['batch', 'cold: batch', 'per database', 'warm: batch', 'slowest', 'per database']

const NAMES = Array.from({ length: DATABASES }, (_, number) => `bench_hidden_code_${number}`)

for (const server of benchServers()) {
  try {
    await inParallel(server, create)
    console.log(`Hidden code in ${DATABASES} databases, on ${server.name}: milliseconds\n`)
    printTable([HEADING, ...(await measure(server))])
  } finally {
    await inParallel(server, (admin, name) => admin.query(`DROP DATABASE IF EXISTS ${name}`))
  }
}

async function measure(server: BenchServer): Promise<string[][]> {
  const rows: string[][] = []
  for (const size of BATCHES.filter((size) => size <= DATABASES)) {
    await withAdmin(server, (admin) => admin.query('FLUSH TABLES'))
    const cold = await times(server, size)
    const warm = await times(server, size)
    const figures = [median(cold), median(cold) / size, median(warm), Math.max(...warm)]
    rows.push(
      [size, ...[...figures, median(warm) / size].map((millis) => millis.toFixed(2))].map(String),
    )
  }
  return rows
}

function median(values: readonly number[]): number {
  return quartiles(values).median
}

/** The milliseconds that each batch took. */
async function times({ url }: BenchServer, size: number): Promise<number[]> {
  const { hostname, port, username, password } = new URL(url)
  const options = { host: hostname, port: Number(port), user: username, password }
  const found: number[] = []
  const asked = Math.min(DATABASES, MAX_ASKED, size * 200)
  for (let from = 0; from + size <= asked; from += size) {
    const batch = NAMES.slice(from, from + size)
    const begin = performance.now()
    const verdicts = await inspectDatabases(options, batch, AbortSignal.timeout(60_000))
    found.push(performance.now() - begin)
    for (const name of batch) assert.equal(verdicts.get(name), 'plain')
  }
  return found
}

function create(admin: Connection, name: string): Promise<unknown> {
  return admin.query(`CREATE DATABASE IF NOT EXISTS ${name};
    CREATE TABLE IF NOT EXISTS ${name}.users (
      id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(64) NOT NULL, is_active TINYINT DEFAULT 1,
      created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP
    );
    CREATE TABLE IF NOT EXISTS ${name}.items (
      id INT AUTO_INCREMENT PRIMARY KEY, user_id INT, label VARCHAR(64) DEFAULT '', val INT
    )`)
}

async function inParallel(
  server: BenchServer,
  act: (admin: Connection, name: string) => Promise<unknown>,
): Promise<void> {
  const left = NAMES.values()
  const worker = async (admin: Connection): Promise<void> => {
    for (const name of left) await act(admin, name)
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, () => withAdmin(server, worker)))
}

async function withAdmin<T>(
  { url }: BenchServer,
  fn: (admin: Connection) => Promise<T>,
): Promise<T> {
  const admin = await mysql.createConnection({ uri: url, multipleStatements: true })
  try {
    return await fn(admin)
  } finally {
    admin.destroy()
  }
}
