/** A deliberate defect: one place in the source, changed as a developer might change it. */
export interface Mutant {
  /** The developer's mistake: `forget the reset`. */
  readonly name: string
  /** The possible damage. */
  readonly harm: string
  /** The file that is changed. */
  readonly file: string
  /** The text to replace. It must occur exactly once in the file. */
  readonly search: string
  readonly replace: string
  /** The test files that should catch it. */
  readonly tests: readonly string[]
  /** True if a test without a database catches it. */
  readonly isQuick?: boolean
}

/**
 * Applies a mutant to a source.
 *
 * @throws Error if the text is missing, or occurs more than once
 */
export function applyMutant({ name, file, search, replace }: Mutant, source: string): string {
  const parts = source.split(search)
  if (parts.length === 2 && search !== replace) return parts.join(replace)
  throw new Error(
    `The mutant "${name}" does not apply: ${file} has ${parts.length - 1} such places.`,
  )
}
