/** The end of one of Knex's tests. */
export interface Test {
  readonly title: string
  readonly state: 'passed' | 'failed' | 'skipped'
  /** The reason of its failure. */
  readonly reason?: string
}

/** The tests of a run, by title. */
export type Tests = ReadonlyMap<string, Test>

/** If several tests have the same title, those after the first are numbered. */
export function testsOf(list: readonly Test[]): Tests {
  const tests = new Map<string, Test>()
  const seen = new Map<string, number>()
  for (const test of list) {
    const count = (seen.get(test.title) ?? 0) + 1
    seen.set(test.title, count)
    tests.set(count === 1 ? test.title : `${test.title} (${count})`, test)
  }
  return tests
}

/** The titles of the tests that ended in a state. */
export function titlesOf(tests: Tests, state: Test['state']): string[] {
  return [...tests].filter(([, test]) => test.state === state).map(([title]) => title)
}
