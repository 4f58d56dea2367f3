/*
 * Runs the tests that Knex has of itself twice on each server: with Knex as it is, and with Knexes
 * that tenant-knex has bound to a database. Prints what passes with one and not with the other, and
 * fails where `knex-suite/exceptions.ts` does not say why.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Reaper } from '../test/support/servers/reaper.ts'
import { knexCheckout } from './knex-suite/checkout.ts'
import { compare } from './knex-suite/compare.ts'
import { withDatabase } from './knex-suite/database.ts'
import { exceptions } from './knex-suite/exceptions.ts'
import { report, reportUnneeded } from './knex-suite/report.ts'
import { runTests, type Subject, type TestRun } from './knex-suite/run-tests.ts'

const SERVERS = [
  ['MariaDB', process.env.TENANT_KNEX_MARIADB_URL],
  ['MySQL', process.env.TENANT_KNEX_MYSQL_URL],
] as const

const reaper = new Reaper()
for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => void reaper.end())
}
try {
  process.exitCode = (await main()) ? 0 : 1
} catch (error) {
  console.error(`knex-suite: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
} finally {
  await reaper.end()
}

/** Whether all that differs is explained. */
async function main(): Promise<boolean> {
  build()
  const checkout = await knexCheckout(reaper)
  const needed = new Set<string>()
  let isExplained = true
  const given = servers()
  for (const [server, url] of given) {
    const run = (subject: Subject): Promise<TestRun> =>
      withDatabase(url, (databaseUrl) => runTests(reaper, { checkout, subject, databaseUrl }))
    const plain = await run('knex')
    const ours = await run('tenant-knex')
    const comparison = compare(plain.tests, ours.tests)
    for (const { title } of comparison.lost) needed.add(title)
    isExplained = report(server, { plain, ours, comparison }) && isExplained
  }
  // Some are for one server only.
  if (given.length === SERVERS.length)
    reportUnneeded(Object.keys(exceptions).filter((title) => !needed.has(title)))
  return isExplained
}

/** Knex's tests are CommonJS and run without tsx: they get the package as its users do. */
function build(): void {
  const script = fileURLToPath(new URL('../scripts/build.mjs', import.meta.url))
  const { status } = spawnSync(process.execPath, [script], { stdio: 'inherit' })
  if (status !== 0) throw new Error('the build failed')
}

function servers(): [name: string, url: string][] {
  const found = SERVERS.flatMap(([name, url]): [string, string][] => (url ? [[name, url]] : []))
  if (found.length === 0) throw new Error('no database server; use `npm run test:knex`')
  return found
}
