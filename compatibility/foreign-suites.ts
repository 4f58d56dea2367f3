/*
 * Tries packages that others have made for Knex. Runs their own tests three times on each server:
 * with plain Knex, with a bound Knex, and with a bound Knex beside a tenant that leaves traces. What
 * passes with plain Knex must pass with ours. Then uses them in three tenants at once, and runs the
 * examples of the guide about them.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Reaper } from '../test/support/servers/reaper.ts'
import { messageOf } from '../test/support/servers/run.ts'
import { checkOut } from './foreign-suites/checkout.ts'
import { foreignExamples, problemOf } from './foreign-suites/examples.ts'
import { type Mode, OURS } from './foreign-suites/modes.ts'
import { type Outcome, report, reportTenants } from './foreign-suites/report.ts'
import { writeResults } from './foreign-suites/results.ts'
import { runSuite, type SuiteRun } from './foreign-suites/run.ts'
import type { ForeignSuite } from './foreign-suites/suite.ts'
import { SUITES } from './foreign-suites/suites/index.ts'
import {
  DRIVEN,
  type Driven,
  type DrivenOutcome,
  driveTenants,
  packagesFolder,
} from './foreign-suites/tenants-at-once.ts'

const SERVERS = [
  ['MariaDB', process.env.TENANT_KNEX_MARIADB_URL],
  ['MySQL', process.env.TENANT_KNEX_MYSQL_URL],
] as const

type Server = [name: string, url: string]

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

/** Whether all that differs is explained, and no row was another tenant's. */
async function main(): Promise<boolean> {
  const servers = givenServers()
  const { only } = parseArgs({ options: { only: { type: 'string', multiple: true } } }).values
  const isWanted = ({ name }: { name: string }): boolean => !only || only.includes(name)
  build()
  const driven = await driveAll(DRIVEN.filter(isWanted), servers)
  const outcomes = await runAll(SUITES.filter(isWanted), servers)
  if (driven.length + outcomes.length === 0) throw new Error(`no package is called ${only}`)
  const examples = only ? 0 : await runExamples(servers)
  if (!only) writeResults(outcomes, driven)
  const areRight = driven.map(reportTenants)
  const areExplained = outcomes.map(report)
  return [...areRight, ...areExplained, examples === 0].every(Boolean)
}

async function driveAll(
  packages: readonly Driven[],
  servers: readonly Server[],
): Promise<DrivenOutcome[]> {
  const outcomes: DrivenOutcome[] = []
  if (packages.length === 0) return outcomes
  const folder = await packagesFolder(reaper)
  for (const driven of packages) {
    for (const [server, url] of servers) {
      outcomes.push({ driven, server, drivings: await driveTenants(reaper, folder, driven, url) })
    }
  }
  return outcomes
}

/** Runs the examples of the guide; returns how many went wrong. */
async function runExamples(servers: readonly Server[]): Promise<number> {
  const folder = await packagesFolder(reaper)
  let failed = 0
  for (const example of foreignExamples()) {
    for (const [server, url] of servers) {
      const problem = await problemOf(reaper, folder, example, url)
      console.log(`example in line ${example.line}, ${server}: ${problem ?? 'as it says'}`)
      if (problem) failed++
    }
  }
  return failed
}

async function runAll(
  suites: readonly ForeignSuite[],
  servers: readonly Server[],
): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const suite of suites) {
    const checkout = await checkOut(reaper, suite)
    for (const [server, url] of servers) {
      if (suite.servers && !suite.servers.includes(server)) continue
      console.error(`foreign-suites: running the tests of ${suite.name} on ${server}`)
      outcomes.push(await runOn(suite, checkout, server, url))
    }
  }
  return outcomes
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

function givenServers(): Server[] {
  const found = SERVERS.flatMap(([name, url]): Server[] => (url ? [[name, url]] : []))
  if (found.length === 0) throw new Error('no database server; use `npm run test:foreign`')
  return found
}

/** The tests get the package as its users do. */
function build(): void {
  const script = fileURLToPath(new URL('../scripts/build.mjs', import.meta.url))
  const { status } = spawnSync(process.execPath, [script], { stdio: 'inherit' })
  if (status !== 0) throw new Error('the build failed')
}
