import { filesUnder } from './files.ts'

const ROOT = new URL('../../', import.meta.url).pathname
const FOLDER = 'test/unit'

/** The test files without a database. */
export const UNIT_TESTS: readonly string[] = filesUnder(ROOT, FOLDER).filter((file) =>
  file.endsWith('.test.ts'),
)

/** True if none of these files needs a database. */
export function areUnitTests(tests: readonly string[]): boolean {
  return tests.every((test) => test.startsWith(`${FOLDER}/`))
}
