import { type Tests, titlesOf } from './tests.ts'

/** How two runs of the same tests differ. */
export interface Comparison {
  /** Titles of those that fail in both. */
  readonly failedInBoth: readonly string[]
  /** Those that pass with Knex alone, and what only fails through tenant-knex (a hook, say). */
  readonly lost: readonly Lost[]
  /** Titles of those that pass through tenant-knex alone. */
  readonly gained: readonly string[]
}

/** A test that does not pass through tenant-knex. */
export interface Lost {
  readonly title: string
  readonly reason: string
}

/** Compares a run with Knex as it is to one through tenant-knex, test by test. */
export function compare(plain: Tests, ours: Tests): Comparison {
  const passed = titlesOf(plain, 'passed')
  const failed = titlesOf(ours, 'failed')
  const lost = new Set([
    ...passed.filter((title) => ours.get(title)?.state !== 'passed'),
    ...failed.filter((title) => plain.get(title)?.state !== 'failed'),
  ])
  return {
    failedInBoth: failed.filter((title) => !lost.has(title)),
    lost: [...lost].map((title) => ({ title, reason: reasonOf(title, ours) })),
    gained: titlesOf(ours, 'passed').filter((title) => plain.get(title)?.state !== 'passed'),
  }
}

function reasonOf(title: string, tests: Tests): string {
  const test = tests.get(title)
  if (test === undefined) return 'It did not run.'
  return test.reason ?? `It was ${test.state}.`
}
