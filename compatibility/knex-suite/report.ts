import type { Comparison, Lost } from './compare.ts'
import { exceptions } from './exceptions.ts'
import type { Rejection, TestRun } from './run-tests.ts'
import { titlesOf } from './tests.ts'

/** Both runs on one server. */
export interface Outcome {
  readonly plain: TestRun
  readonly ours: TestRun
  readonly comparison: Comparison
}

/** Prints the differences of the two runs on a server. Returns true if all are explained. */
export function report(server: string, { plain, ours, comparison }: Outcome): boolean {
  const { lost, gained, failedInBoth } = comparison
  const explained = lost.filter(({ title }) => exceptions[title] !== undefined)
  const unexplained = lost.filter(({ title }) => exceptions[title] === undefined)
  console.log(`\n${server}`)
  printRun('Knex alone', plain)
  printRun('through tenant-knex', ours)
  const { knexes, acquires, held } = ours.use
  console.log(
    `  ${knexes} bound Knexes acquired ${acquires} connections, and held ${held} at the end`,
  )
  console.log(
    `  ${failedInBoth.length} fail in both, ${gained.length} pass only through tenant-knex`,
  )
  for (const title of gained) console.log(`    ${title}`)
  console.log(`  ${explained.length} pass with Knex alone, as explained:`)
  for (const { title } of explained) console.log(`    ${title}\n      ${exceptions[title]}`)
  console.log(`  ${unexplained.length} pass with Knex alone, unexplained`)
  unexplained.forEach(printLost)
  const stray = strayRejections(ours, plain)
  console.log(`  ${stray.length} unhandled rejections with tenant-knex alone, unexplained`)
  stray.forEach(printLost)
  // Without this condition, tests that get plain Knex by mistake would pass.
  const isExplained = unexplained.length === 0 && stray.length === 0
  return isExplained && acquires > 0 && plain.use.knexes === 0
}

/**
 * Rejections that need an explanation. Those of a test that fails as explained come from the test's own
 * comparison, and plain Knex may have some too.
 */
function strayRejections(ours: TestRun, plain: TestRun): Rejection[] {
  const known = new Set([...Object.keys(exceptions), ...plain.rejections.map(({ title }) => title)])
  return ours.rejections.filter(({ title }) => !known.has(title))
}

/** Prints the exceptions that no server needs any more. */
export function reportUnneeded(titles: readonly string[]): void {
  if (titles.length === 0) return
  console.log('\nThese pass now and can be taken out of exceptions.ts:')
  for (const title of titles) console.log(`  ${title}`)
}

function printRun(name: string, { tests, seconds, rejections }: TestRun): void {
  const [passed, failed, skipped] = (['passed', 'failed', 'skipped'] as const).map(
    (state) => titlesOf(tests, state).length,
  )
  console.log(
    `  ${name}: ${passed} passed, ${failed} failed, ${skipped} skipped, ` +
      `${rejections.length} unhandled rejections, ${seconds} s`,
  )
  for (const { title } of rejections) console.log(`    unhandled in: ${title}`)
}

function printLost({ title, reason }: Lost): void {
  console.log(`    ${title}`)
  for (const line of reason.split('\n').slice(0, 8)) console.log(`      ${line}`)
}
