import { type Tests, titlesOf } from './tests.ts'

/** The differences between two runs of the same tests. */
export interface Comparison {
  /** Titles of tests that fail in both runs. */
  readonly failedInBoth: readonly string[]
  /**
   * Tests that pass only with plain Knex, and failures that occur only through tenant-knex, such as a hook's.
   */
  readonly lost: readonly Lost[]
  /** Titles of tests that pass only through tenant-knex. */
  readonly gained: readonly string[]
}

/** A test that does not pass through tenant-knex. */
export interface Lost {
  readonly title: string
  readonly reason: string
}

/** Compares a run with plain Knex to one through tenant-knex, test by test. */
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
