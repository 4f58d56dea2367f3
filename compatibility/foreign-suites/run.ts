import { existsSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Reaper } from '../../test/support/servers/reaper.ts'
import { lastLines } from '../../test/support/servers/run.ts'
import { type Tests, testsOf } from '../knex-suite/tests.ts'
import { withDatabase } from './database.ts'
import type { Mode } from './modes.ts'
import { runNode } from './run-node.ts'
import type { ForeignSuite } from './suite.ts'

/** The suite to run, and how. */
export interface RunOptions {
  readonly suite: ForeignSuite
  /** The folder of the suite's tests. */
  readonly checkout: string
  readonly mode: Mode
  readonly serverUrl: string
}

/** The result of a run. */
export interface SuiteRun {
  readonly tests: Tests
  readonly use: Use
}

/** Sums over all bound Knexes of a run; all zero with plain Knex. */
export interface Use {
  readonly acquires: number
  /** How often a connection came from another tenant. */
  readonly handOvers: number
}

/**
 * Runs a suite in one mode.
 *
 * @throws Error with the end of the output if no test ran
 */
export async function runSuite(reaper: Reaper, options: RunOptions): Promise<SuiteRun> {
  const { suite, checkout, mode, serverUrl } = options
  const folder = reaper.temporaryFolder(tmpdir(), 'tenant-knex-foreign-')
  const tables = suite.tables ? readFileSync(join(checkout, suite.tables), 'utf8') : 'DO 0'
  const { charset = 'utf8mb4' } = suite
  return withDatabase(serverUrl, { charset, tables }, async (database) => {
    const { output } = await runNode(reaper, {
      cwd: checkout,
      args: suite.runner.arguments(join(folder, 'result')),
      environment: {
        ...suite.environment,
        FOREIGN_MODE: mode,
        FOREIGN_URL: serverUrl,
        FOREIGN_DATABASE: database,
        FOREIGN_USE: join(folder, 'use'),
      },
    })
    const tests = testsOf(suite.runner.read(join(folder, 'result'), output))
    if (tests.size === 0) throw new Error(`${suite.name}: no test ran:\n${lastLines(output, 40)}`)
    return { tests, use: useIn(join(folder, 'use')) }
  })
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
