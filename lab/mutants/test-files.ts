import { filesUnder } from './files.ts'

const ROOT = new URL('../../', import.meta.url).pathname
const FOLDER = 'test/unit'

/** The test files that need no database. */
export const UNIT_TESTS: readonly string[] = filesUnder(ROOT, FOLDER).filter((file) =>
  file.endsWith('.test.ts'),
)

/** True where all of these need no database. */
export function areUnitTests(tests: readonly string[]): boolean {
  return tests.every((test) => test.startsWith(`${FOLDER}/`))
}
