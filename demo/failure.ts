import { Interruption } from './interruption.ts'

/** Something that whoever runs the demo can put right: its message says how. */
export class DemoError extends Error {}

/** Says what went wrong, and gives the exit code for it. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof Interruption) return 130
  console.error(isForUser(error) ? `\ndemo: ${error.message}` : error)
  return 1
}

/** The server's and the library's errors have a code, and speak for themselves; others are bugs. */
function isForUser(error: unknown): error is Error {
  return error instanceof DemoError || (error instanceof Error && 'code' in error)
}
