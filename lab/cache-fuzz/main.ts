import { parseArgs } from 'node:util'
import mysql from 'mysql2/promise'
import { type TestServer, testServers } from '../../test/support/tenants.ts'
import { fuzz, type StoreKind } from './fuzz.ts'

const STORES: readonly StoreKind[] = ['memory', 'Redis', 'reordering adapter']

const USAGE = `usage: npm run fuzz:caches -- [--seeds FIRST-LAST] [--steps N]

Six users do things by chance with a tenant's rows and cache, on each server and each store. Fails
if a read was out of date.

  --seeds FIRST-LAST  one run for each (1-10 by default)
  --steps N           of each user in a run (200 by default)`

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1-10' },
    steps: { type: 'string', default: '200' },
    help: { type: 'boolean', default: false },
  },
})
const [first = 0, last = first] = values.seeds.split('-').map(Number)
const steps = Number(values.steps)
if (values.help || !(first >= 0 && last >= first && steps > 0)) {
  console.error(USAGE)
  process.exit(values.help ? 0 : 2)
}

for (const server of testServers()) {
  await withAccount(server, async () => {
    for (const store of STORES) await run(server, store)
  })
}

async function run(server: TestServer, store: StoreKind): Promise<void> {
  let reads = 0
  let transactions = 0
  let stale = 0
  for (let seed = first; seed <= last; seed++) {
    const report = await fuzz({ server, store, seed, steps })
    reads += report.reads
    transactions += report.transactions
    stale += report.stale.length
    for (const one of report.stale) console.error(`${server.name}, ${store}, seed ${seed}: ${one}`)
  }
  console.log(
    `${server.name}, ${store}: ${transactions} transactions, ${reads} reads that found something, ` +
      `stale reads ${stale}`,
  )
  if (stale > 0) process.exitCode = 1
}

/** Runs a function with the account that owns the tests' tenants. */
async function withAccount(server: TestServer, work: () => Promise<void>): Promise<void> {
  const account = new URL(server.url).username
  const admin = await mysql.createConnection({ uri: server.adminUrl, multipleStatements: true })
  await admin.query(`CREATE USER ${account}; GRANT ALL ON *.* TO ${account}`)
  try {
    await work()
  } finally {
    await admin.query(`DROP USER ${account}`)
    await admin.end()
  }
}
