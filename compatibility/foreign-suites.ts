/*
 * Tries packages that extend Knex. Runs their own tests three times on each server: with plain Knex, with a
 * bound Knex, and with a bound Knex beside a tenant that leaves traces. A test that passes with plain Knex
 * must pass with ours. Then uses the packages in three tenants at once, and runs the examples of their guide.
 */
import { parseArgs } from 'node:util'
import { runCommand } from '../test/support/servers/command.ts'
import type { Reaper } from '../test/support/servers/reaper.ts'
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
import { build, givenServers, type SuiteServer } from './suite-setup.ts'

await runCommand('foreign-suites', async ({ reaper }) => ((await isAllRight(reaper)) ? 0 : 1))

/** Whether all that differs is explained, and no row was another tenant's. */
async function isAllRight(reaper: Reaper): Promise<boolean> {
  const servers = givenServers('test:foreign')
  const { only } = parseArgs({ options: { only: { type: 'string', multiple: true } } }).values
  const isWanted = ({ name }: { name: string }): boolean => !only || only.includes(name)
  build()
  const driven = await driveAll(reaper, DRIVEN.filter(isWanted), servers)
  const outcomes = await runAll(reaper, SUITES.filter(isWanted), servers)
  if (driven.length + outcomes.length === 0) throw new Error(`no package is called ${only}`)
  const examples = only ? 0 : await runExamples(reaper, servers)
  if (!only) writeResults(outcomes, driven)
  const areRight = driven.map(reportTenants)
  const areExplained = outcomes.map(report)
  return [...areRight, ...areExplained, examples === 0].every(Boolean)
}

async function driveAll(
  reaper: Reaper,
  packages: readonly Driven[],
  servers: readonly SuiteServer[],
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
async function runExamples(reaper: Reaper, servers: readonly SuiteServer[]): Promise<number> {
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
  reaper: Reaper,
  suites: readonly ForeignSuite[],
  servers: readonly SuiteServer[],
): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const suite of suites) {
    const checkout = await checkOut(reaper, suite)
    for (const [server, url] of servers) {
      if (suite.servers && !suite.servers.includes(server)) continue
      console.error(`foreign-suites: running the tests of ${suite.name} on ${server}`)
      outcomes.push(await runOn(reaper, suite, checkout, [server, url]))
    }
  }
  return outcomes
}

async function runOn(
  reaper: Reaper,
  suite: ForeignSuite,
  checkout: string,
  [server, serverUrl]: SuiteServer,
): Promise<Outcome> {
  const runs = new Map<Mode, SuiteRun>()
  for (const mode of ['plain', ...OURS] as const) {
    runs.set(mode, await runSuite(reaper, { suite, checkout, mode, serverUrl }))
  }
  return { suite, server, runs }
}
