/*
 * Each country of the world is a tenant, with its cities in its own database. Requests for all of them run at
 * once through one small pool. Does any row reach the wrong tenant, and what does it cost? Begin with
 * operations.ts: it is ordinary Knex.
 */
import knex from 'knex'
// in your own code: from 'tenant-knex'
import { createTenantKnex } from '../src/index.ts'
import { findWrongTotals } from './audit.ts'
import { readThroughCaches } from './cached-reads.ts'
import { citiesByCountry } from './cities.ts'
import { compareWithPlainKnex } from './comparison.ts'
import { settleAll } from './concurrency.ts'
import { Databases, databaseOf } from './databases.ts'
import { CONNECTIONS, type Demo } from './demo.ts'
import { exitCodeOf } from './failure.ts'
import { interruption } from './interruption.ts'
import { printReport } from './report.ts'
import { findServer } from './server.ts'
import { createTenants } from './tenants.ts'
import { serveRequests, Tally } from './traffic.ts'
import { watchConnections } from './witness.ts'

process.exitCode = await main().catch(exitCodeOf)

async function main(): Promise<number> {
  const server = await findServer()
  try {
    return await runOn(server.url, interruption())
  } finally {
    await server.stop()
  }
}

async function runOn(url: string, interrupted: AbortSignal): Promise<number> {
  const countries = citiesByCountry()
  const tenantKnex = createTenantKnex({
    connection: url,
    pool: { max: CONNECTIONS },
    database: databaseOf,
  })
  const admin = knex({ client: 'mysql2', connection: url, pool: { min: 1, max: 1 } })
  const databases = new Databases(admin)
  try {
    return await run({ url, countries, tenantKnex, admin, databases, interrupted })
  } finally {
    await settleAll([tenantKnex.destroy(), databases.drop().finally(() => admin.destroy())])
  }
}

/** Runs the demo. Returns the exit code: 0 if every row and every write was right. */
async function run(demo: Demo): Promise<number> {
  const tally = new Tally()
  let statements = 0
  demo.tenantKnex.ambient.on('query', () => {
    statements++
  })
  const connectionCounts = await watchConnections(demo.admin, async () => {
    await createTenants(demo)
    await serveRequests(demo, tally)
  })
  const cachedReads = await readThroughCaches(demo)
  const comparison = await compareWithPlainKnex(demo, tally)
  const wrongTotals = await findWrongTotals(demo, tally)
  const counts = { statements, connectionCounts }
  printReport(demo, { ...counts, tally, cachedReads, comparison, wrongTotals })
  return tally.wrongRows + cachedReads.wrong + wrongTotals.length === 0 ? 0 : 1
}
