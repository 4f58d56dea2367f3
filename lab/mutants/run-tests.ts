import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { lastLines } from '../../test/support/servers/run.ts'
import type { Reaper } from '../../test/support/servers.ts'
import { type Runtime, runNode } from './run-node.ts'
import type { Workspace } from './workspace.ts'

/** Longer than mocha's own timeout of each test. */
const LIMIT_MILLIS = 180_000

/** The title for tests that did not end. */
export const NO_END = 'the tests did not end'

const MOCHA = ['node_modules/mocha/bin/mocha.js', '--no-config', '--exit']

/** The first test that failed. */
export interface TestFailure {
  readonly title: string
  readonly message: string
  /** Its file; undefined if the tests did not end. */
  readonly file?: string | undefined
}

/** The result of a run. */
export interface TestRun {
  /** Undefined if all tests passed. */
  readonly failure: TestFailure | undefined
  readonly seconds: number
}

interface Report {
  readonly stats: { readonly passes: number }
  readonly failures: readonly {
    readonly fullTitle: string
    readonly file?: string
    readonly err: { message?: string }
  }[]
}

/** Options of a run. */
export interface RunOptions {
  /** Runs only tests whose titles contain this text. */
  readonly only?: string | undefined
  /** True to continue after a failure. */
  readonly isWhole?: boolean
  /** The time limit of all tests together, in milliseconds. */
  readonly limitMillis?: number
  readonly runtime?: Runtime | undefined
}

/**
 * Runs test files of a workspace until the first failure.
 *
 * @throws Error if no test could run: a mutant that does not load proves nothing
 */
export async function runTests(
  reaper: Reaper,
  workspace: Workspace,
  tests: readonly string[],
  { only, isWhole = false, limitMillis = LIMIT_MILLIS, runtime }: RunOptions = {},
): Promise<TestRun> {
  const report = join(workspace.folder, 'report.json')
  rmSync(report, { force: true })
  const options = ['--timeout', '20000', '--reporter', 'json', '--reporter-option']
  const args = [...MOCHA, ...options, `output=${report}`, ...tests]
  if (!isWhole) args.push('--bail')
  if (only !== undefined) args.push('--fgrep', only)
  const { code, output, seconds } = await runNode(reaper, workspace, args, limitMillis, runtime)
  const hasEnded = code !== undefined
  const failure = hasEnded ? readFailure(workspace, report, output) : { title: NO_END, message: '' }
  return { failure, seconds }
}

function readFailure(
  { folder }: Workspace,
  report: string,
  output: string,
): TestFailure | undefined {
  const { stats, failures } = existsSync(report)
    ? (JSON.parse(readFileSync(report, 'utf8')) as Report)
    : { stats: { passes: 0 }, failures: [] }
  const [first] = failures
  if (first) {
    const { fullTitle: title, file, err } = first
    const message = err.message ?? ''
    return { title, message, file: file && relative(folder, file) }
  }
  if (stats.passes === 0) throw new Error(`No test was run:\n${lastLines(output)}`)
  return undefined
}
