import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { lastLines } from '../../test/support/servers/run.ts'
import { type NodeRun, type NodeRunEnd, runNode } from './node-run.ts'

const TIMEOUT_MILLIS = 60 * 60_000

/** The result of the tests. */
export interface Outcome {
  readonly passed: number
  /** Tests that do not apply. */
  readonly skipped: number
  readonly failures: readonly Failure[]
  readonly seconds: number
}

export interface Failure {
  readonly title: string
  readonly message: string
}

// The used parts of the output of mocha's reporter "json".
interface Report {
  readonly stats: { readonly passes: number; readonly pending: number }
  readonly failures: readonly { readonly fullTitle: string; readonly err: { message?: string } }[]
}

/** Runs all tests of the workspace. */
export async function runSuite(run: NodeRun, mochaArguments: readonly string[]): Promise<Outcome> {
  const { project, scratch } = run.workspace
  const file = join(scratch, `report-${run.node.version}.json`)
  rmSync(file, { force: true })
  const mocha = join('node_modules', 'mocha', 'bin', 'mocha.js')
  const reporter = ['--reporter', 'json', '--reporter-option', `output=${file}`]
  const since = performance.now()
  const args = ['--import', 'tsx', mocha, ...reporter, ...mochaArguments]
  const end = await runNode(run, project, args, TIMEOUT_MILLIS)
  const seconds = (performance.now() - since) / 1000
  return { ...outcomeOf(readReport(file), end), seconds }
}

function readReport(file: string): Report | undefined {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
}

function outcomeOf(report: Report | undefined, end: NodeRunEnd): Omit<Outcome, 'seconds'> {
  const passed = report?.stats.passes ?? 0
  const skipped = report?.stats.pending ?? 0
  const failures = (report?.failures ?? []).map(({ fullTitle, err }) => ({
    title: fullTitle,
    message: err.message ?? 'no message',
  }))
  // A crash, or a run without a test, counts as a failure.
  if (failures.length === 0) failures.push(...wholeRunFailures(passed, end))
  return { passed, skipped, failures }
}

function wholeRunFailures(passed: number, { problem, output }: NodeRunEnd): Failure[] {
  const why = problem ?? (passed === 0 ? 'no test ran' : undefined)
  return why === undefined ? [] : [{ title: 'mocha', message: `${why}\n${lastLines(output)}` }]
}
