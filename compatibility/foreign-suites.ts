/*
 * Runs the tests of packages that others have made for Knex, three times on each server: with plain
 * Knex, with a bound Knex, and with a bound Knex beside a tenant that leaves traces. What passes
 * with plain Knex must pass with ours.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Reaper } from '../test/support/servers/reaper.ts'
import { messageOf } from '../test/support/servers/run.ts'
import { checkOut } from './foreign-suites/checkout.ts'
import { type Mode, OURS } from './foreign-suites/modes.ts'
import { type Outcome, report } from './foreign-suites/report.ts'
import { runSuite, type SuiteRun } from './foreign-suites/run.ts'
import type { ForeignSuite } from './foreign-suites/suite.ts'
import { SUITES } from './foreign-suites/suites/index.ts'

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
  console.error(`foreign-suites: ${messageOf(error)}`)
  process.exitCode = 1
} finally {
  await reaper.end()
}

/** Whether all that differs is explained. */
async function main(): Promise<boolean> {
  const servers = givenServers()
  const suites = wantedSuites()
  build()
  let isExplained = true
  for (const suite of suites) {
    const checkout = await checkOut(reaper, suite)
    for (const [server, url] of servers) {
      const outcome = await runOn(suite, checkout, server, url)
      isExplained = report(outcome) && isExplained
    }
  }
  return isExplained
}

async function runOn(
  suite: ForeignSuite,
  checkout: string,
  server: string,
  serverUrl: string,
): Promise<Outcome> {
  const runs = new Map<Mode, SuiteRun>()
  for (const mode of ['plain', ...OURS] as const) {
    runs.set(mode, await runSuite(reaper, { suite, checkout, mode, serverUrl }))
  }
  return { suite, server, runs }
}

/** Those of `--only NAME`, or all. */
function wantedSuites(): readonly ForeignSuite[] {
  const { values } = parseArgs({ options: { only: { type: 'string', multiple: true } } })
  const wanted = values.only
  if (!wanted) return SUITES
  const found = SUITES.filter(({ name }) => wanted.includes(name))
  if (found.length === wanted.length) return found
  throw new Error(`--only takes ${SUITES.map(({ name }) => name).join(', ')}`)
}

function givenServers(): [name: string, url: string][] {
  const found = SERVERS.flatMap(([name, url]): [string, string][] => (url ? [[name, url]] : []))
  if (found.length === 0) throw new Error('no database server; use `npm run test:foreign`')
  return found
}

/** The tests get the package as its users do. */
function build(): void {
  const script = fileURLToPath(new URL('../scripts/build.mjs', import.meta.url))
  const { status } = spawnSync(process.execPath, [script], { stdio: 'inherit' })
  if (status !== 0) throw new Error('the build failed')
}
