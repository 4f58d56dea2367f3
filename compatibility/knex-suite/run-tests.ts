import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Reaper } from '../../test/support/servers/reaper.ts'
import { lastLines } from '../../test/support/servers/run.ts'
import { type Test, type Tests, testsOf } from './tests.ts'

/** The Knex that the tests get. */
export type Subject = 'knex' | 'tenant-knex'

/** The subject to test, and where. */
export interface RunOptions {
  readonly checkout: string
  readonly subject: Subject
  /** Includes the account and the database that the tests use. */
  readonly databaseUrl: string
}

/** The result of a run. */
export interface TestRun {
  readonly tests: Tests
  readonly seconds: number
  /** Unhandled rejections, with the running test. */
  readonly rejections: readonly Rejection[]
  /** How much went through tenant-knex: nothing with plain Knex. */
  readonly use: Use
}

/** An unhandled rejection. */
export interface Rejection {
  /** The title of the running test. */
  readonly title: string
  readonly reason: string
}

/** Sums over all bound Knexes of a run. */
export interface Use {
  readonly knexes: number
  readonly acquires: number
  /** Connections that are not released at the end. */
  readonly held: number
}

/** One of Knex's two test commands takes half a minute. This limit ends one that hangs. */
const LIMIT_MILLIS = 300_000

const inside = (file: string): string => fileURLToPath(new URL(`./inside/${file}`, import.meta.url))

/** As in Knex's `npm run test:mysql2`, without the files that need another database's driver. */
const MOCHA = [
  join('node_modules', 'mocha', 'bin', 'mocha.js'),
  ...['--exit', '--timeout', '10000', '--reporter', inside('reporter.cjs')],
  ...['--config', 'test/mocha-integration-config-test.js'],
  ...['--ignore', 'test/integration2/dialects/!(mysql*).spec.js'],
]

/** Runs Knex's mocha tests for mysql2, and its tape tests that use a server. */
export async function runTests(reaper: Reaper, options: RunOptions): Promise<TestRun> {
  const folder = reaper.temporaryFolder(tmpdir(), 'tenant-knex-suite-')
  const start = Date.now()
  const mochaOutput = await runNode(reaper, MOCHA, folder, options)
  const tapeOutput = await runNode(reaper, [inside('tape.cjs')], folder, options)
  const results = join(folder, 'results')
  if (!existsSync(results)) throw new Error(`no test ran:\n${lastLines(mochaOutput)}`)
  return {
    use: useIn(join(folder, 'use')),
    tests: testsOf([...linesOf<Test>(results), ...tapeTests(tapeOutput)]),
    seconds: Math.round((Date.now() - start) / 1_000),
    rejections: rejectionsIn(join(folder, 'rejections')),
  }
}

/** Runs a script in the checkout, and returns its output. */
async function runNode(
  reaper: Reaper,
  script: readonly string[],
  folder: string,
  { checkout, subject, databaseUrl }: RunOptions,
): Promise<string> {
  const file = join(folder, 'output')
  const output = openSync(file, 'w')
  const child = reaper.spawn(process.execPath, ['--require', inside('preload.cjs'), ...script], {
    cwd: checkout,
    stdio: ['ignore', output, output],
    env: {
      ...process.env,
      DB: 'mysql2',
      KNEX_TEST: inside('settings.cjs'),
      KNEX_SUITE_SUBJECT: subject,
      KNEX_SUITE_URL: databaseUrl,
      KNEX_SUITE_RESULTS: join(folder, 'results'),
      KNEX_SUITE_USE: join(folder, 'use'),
      KNEX_SUITE_REJECTIONS: join(folder, 'rejections'),
    },
  })
  closeSync(output)
  const timer = setTimeout(() => {
    console.error(`knex-suite: ${script[0]} of ${subject} was stopped, it took too long`)
    child.kill('SIGKILL')
  }, LIMIT_MILLIS)
  await once(child, 'close')
  clearTimeout(timer)
  if (reaper.isEnded) throw new Error('stopped')
  return readFileSync(file, 'utf8')
}

function useIn(file: string): Use {
  const uses = existsSync(file) ? linesOf<Use>(file) : []
  const sum = (name: keyof Use): number => uses.reduce((total, use) => total + use[name], 0)
  return { knexes: sum('knexes'), acquires: sum('acquires'), held: sum('held') }
}

function rejectionsIn(file: string): Rejection[] {
  return existsSync(file) ? linesOf<Rejection>(file) : []
}

function linesOf<T>(file: string): T[] {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  return lines.map((line) => JSON.parse(line) as T)
}

/** Reads the Test Anything Protocol. A test is a title and its assertions. */
function tapeTests(output: string): Test[] {
  const [, ...sections] = output.split(/^# /m)
  return sections
    .filter((section) => /^(?:not )?ok \d/m.test(section))
    .map((section) => {
      const [title = '', ...lines] = section.split('\n')
      const failure = lines.findIndex((line) => line.startsWith('not ok'))
      return failure === -1
        ? { title: `tape > ${title}`, state: 'passed' }
        : {
            title: `tape > ${title}`,
            state: 'failed',
            reason: lines.slice(failure, failure + 6).join('\n'),
          }
    })
}
