import { NO_END, type TestRun } from './run-tests.ts'
import { areUnitTests } from './test-files.ts'

/** How often a mutant is tried if the test that fails does so only by accident. */
const ATTEMPTS = 3

/** A mutant and the tests that are to catch it. */
export interface Trial {
  readonly name: string
  readonly tests: readonly string[]
  /** Runs tests with the mutant in the source, or without it. */
  run(isBroken: boolean, tests: readonly string[], only?: string): Promise<TestRun>
}

/**
 * Runs a mutant's tests. A test with a database can fail by accident, and then it has caught
 * nothing: it must fail again by itself, and pass without the mutant.
 */
export async function catchMutant({ name, tests, run }: Trial): Promise<TestRun> {
  for (let attempt = 1; ; attempt++) {
    const whole = await run(true, tests)
    const { failure } = whole
    if (failure === undefined || failure.title === NO_END) return whole
    const files = failure.file === undefined ? tests : [failure.file]
    if (areUnitTests(files)) return whole
    // A hook cannot be run by itself.
    const only = failure.title.includes('" hook') ? undefined : failure.title
    const again = await run(true, files, only)
    const without = await run(false, files, only)
    if (again.failure && !without.failure) return whole
    console.error(`mutants: ${name}: fails only by accident: ${failure.title}`)
    if (attempt === ATTEMPTS) return { ...whole, failure: undefined }
  }
}
