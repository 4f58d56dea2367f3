/*
 * Runs Objection's own integration tests three times on each server: with plain Knex, with a bound Knex, and
 * with models made by `forTenants`. A test that passes with plain Knex must pass with ours.
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createConnection } from 'mysql2/promise'
import { EXCEPTIONS, UNSTEADY } from './objection-suite/exceptions.ts'
import type { Mode } from './objection-suite/preload.ts'
import { checkOut, run } from './objection-suite/upstream.ts'

const OURS: readonly Mode[] = ['bound', 'models']
const SERVERS = {
  MariaDB: process.env.TENANT_KNEX_MARIADB_URL,
  MySQL: process.env.TENANT_KNEX_MYSQL_URL,
}
const preload = fileURLToPath(new URL('objection-suite/preload.ts', import.meta.url))

/** How often a test passed, by title: some titles occur more than once. */
type Passes = ReadonlyMap<string, number>

interface Test {
  readonly fullTitle: string
  readonly err: { readonly message?: string }
}

interface Outcome {
  readonly passes: Passes
  readonly failures: ReadonlyMap<string, string>
}

const folder = mkdtempSync(join(tmpdir(), 'tenant-knex-objection-'))
const database = `tk_objection_${randomBytes(4).toString('hex')}`
try {
  process.exitCode = (await main()) ? 0 : 1
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
}

async function main(): Promise<boolean> {
  const source = await checkOut(folder, database)
  let isGood = true
  for (const [server, url] of Object.entries(SERVERS)) {
    if (!url) {
      console.log(`${server}: NO SERVER`)
      isGood &&= server === 'MySQL' && !process.env.CI
      continue
    }
    const plain = await runTests(source, url, 'plain')
    report(server, 'plain', plain)
    isGood &&= plain.passes.size > 0
    for (const mode of OURS) {
      const ours = await runTests(source, url, mode)
      report(server, mode, ours)
      isGood = compare(mode, plain, ours) && isGood
    }
  }
  return isGood
}

async function runTests(source: string, url: string, mode: Mode): Promise<Outcome> {
  const output = join(folder, 'result.json')
  rmSync(output, { force: true })
  const imports = ['--import', import.meta.resolve('tsx'), '--import', preload]
  const mocha = join(folder, 'node_modules', 'mocha', 'bin', 'mocha.js')
  const options = ['--timeout', '15000', '--exit', '--reporter', 'json']
  options.push('--reporter-option', `output=${output}`, 'tests/integration/index.js')
  await withDatabase(url, () =>
    run(process.execPath, [...imports, mocha, ...options], source, {
      DATABASES: 'mysql',
      OBJECTION_SUITE_MODE: mode,
      OBJECTION_SUITE_URL: url,
    }),
  )
  return readOutcome(output)
}

async function withDatabase(url: string, use: () => Promise<unknown>): Promise<void> {
  const connection = await createConnection(url)
  try {
    await connection.query('CREATE DATABASE ??', [database])
    await use()
  } finally {
    for (const name of [database, `${database}_2`]) {
      await connection.query('DROP DATABASE IF EXISTS ??', [name])
    }
    await connection.end()
  }
}

function readOutcome(output: string): Outcome {
  const result: { passes: Test[]; failures: Test[] } = JSON.parse(readFileSync(output, 'utf8'))
  const passes = new Map<string, number>()
  for (const { fullTitle } of result.passes) passes.set(fullTitle, (passes.get(fullTitle) ?? 0) + 1)
  const failures = new Map(
    result.failures.map(({ fullTitle, err }) => [fullTitle, err.message ?? 'failed']),
  )
  return { passes, failures }
}

function report(server: string, mode: Mode, { passes, failures }: Outcome): void {
  const passed = [...passes.values()].reduce((sum, count) => sum + count, 0)
  console.log(`${server}, ${mode}: ${passed} passed, ${failures.size} failed`)
  if (mode !== 'plain') return
  for (const [title, message] of failures) console.log(`  fails: ${title}: ${message.slice(-90)}`)
}

/**
 * True if our run passes every test that plain Knex passes, except explained ones, and the explained ones
 * still fail.
 */
function compare(mode: Mode, plain: Outcome, ours: Outcome): boolean {
  const lost = [...plain.passes].filter(([title, count]) => (ours.passes.get(title) ?? 0) < count)
  const explained = EXCEPTIONS.filter(({ modes }) => modes.includes(mode))
  const isExplained = (title: string) => explained.some((each) => title.startsWith(each.title))
  const isDeadlock = (title: string) => UNSTEADY.test(ours.failures.get(title) ?? '')
  const deadlocks = lost.filter(([title]) => !isExplained(title) && isDeadlock(title))
  for (const [title] of deadlocks) console.log(`  ended by a deadlock, this time: ${title}`)
  const surprising = lost.filter(([title]) => !isExplained(title) && !isDeadlock(title))
  for (const [title] of surprising) {
    console.log(`  FAILS ${title}\n    ${ours.failures.get(title) ?? 'was not run'}`)
  }
  const stale = explained.filter(
    (each) => !each.isUnsteady && !lost.some(([title]) => title.startsWith(each.title)),
  )
  for (const { title } of stale) console.log(`  PASSES, though it is an exception: ${title}`)
  const count = lost.length - surprising.length - deadlocks.length
  console.log(`  ${count} fail as explained in exceptions.ts`)
  return surprising.length === 0 && stale.length === 0
}
