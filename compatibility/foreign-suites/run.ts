import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Reaper } from '../../test/support/servers/reaper.ts'
import { lastLines } from '../../test/support/servers/run.ts'
import { type Tests, testsOf } from '../knex-suite/tests.ts'
import { withDatabase } from './database.ts'
import type { Mode } from './modes.ts'
import type { ForeignSuite } from './suite.ts'

/** What to run where. */
export interface RunOptions {
  readonly suite: ForeignSuite
  /** Where the suite's tests are. */
  readonly checkout: string
  readonly mode: Mode
  readonly serverUrl: string
}

/** What came of it. */
export interface SuiteRun {
  readonly tests: Tests
  readonly use: Use
}

/** Sums over all bound Knexes of a run: nothing in one of plain Knex. */
export interface Use {
  readonly acquires: number
  /** How often a connection came from another tenant. */
  readonly handOvers: number
}

/** The longest takes two minutes; this is for one that hangs. */
const LIMIT_MILLIS = 600_000

/**
 * Runs a suite in one mode.
 *
 * @throws Error with the end of what was printed if no test ran.
 */
export async function runSuite(reaper: Reaper, options: RunOptions): Promise<SuiteRun> {
  const { suite, checkout, serverUrl } = options
  const folder = reaper.temporaryFolder(tmpdir(), 'tenant-knex-foreign-')
  const tables = suite.tables ? readFileSync(join(checkout, suite.tables), 'utf8') : 'DO 0'
  const { charset = 'utf8mb4' } = suite
  return withDatabase(serverUrl, { charset, tables }, async (database) => {
    const output = await runNode(reaper, folder, database, options)
    const tests = testsOf(suite.runner.read(join(folder, 'result')))
    if (tests.size === 0) throw new Error(`${suite.name}: no test ran:\n${lastLines(output, 40)}`)
    return { tests, use: useIn(join(folder, 'use')) }
  })
}

/** Runs the tests to their end, and gives what they printed. */
async function runNode(
  reaper: Reaper,
  folder: string,
  database: string,
  { suite, checkout, mode, serverUrl }: RunOptions,
): Promise<string> {
  const file = join(folder, 'output')
  const output = openSync(file, 'w')
  const child = reaper.spawn(process.execPath, suite.runner.arguments(join(folder, 'result')), {
    cwd: checkout,
    stdio: ['ignore', output, output],
    env: {
      ...process.env,
      ...suite.environment,
      CI: 'true',
      FOREIGN_MODE: mode,
      FOREIGN_URL: serverUrl,
      FOREIGN_DATABASE: database,
      FOREIGN_USE: join(folder, 'use'),
    },
  })
  closeSync(output)
  const timer = setTimeout(() => {
    console.error(`foreign-suites: ${suite.name}, ${mode} was stopped, it took too long`)
    child.kill('SIGKILL')
  }, LIMIT_MILLIS)
  await once(child, 'close')
  clearTimeout(timer)
  if (reaper.isEnded) throw new Error('stopped')
  return readFileSync(file, 'utf8')
}

/** A suite may run in several processes. */
function useIn(file: string): Use {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
  const uses = text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Use)
  const sum = (name: keyof Use): number => uses.reduce((total, use) => total + use[name], 0)
  return { acquires: sum('acquires'), handOvers: sum('handOvers') }
}
