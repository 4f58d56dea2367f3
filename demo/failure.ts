import { Interruption } from './interruption.ts'

/** An error that the user of the demo can fix: its message says how. */
export class DemoError extends Error {}

/** Prints an error, and returns its exit code. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof Interruption) return 130
  console.error(isForUser(error) ? `\ndemo: ${error.message}` : error)
  return 1
}

/** Errors of servers and of the library have a code and a clear message; other errors are bugs. */
function isForUser(error: unknown): error is Error {
  return error instanceof DemoError || (error instanceof Error && 'code' in error)
}
