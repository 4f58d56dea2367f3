/** A deliberate defect: one place of the source, changed as someone might change it. */
export interface Mutant {
  /** What someone did: `forget the reset`. */
  readonly name: string
  /** What can happen then. */
  readonly harm: string
  /** The file that is changed. */
  readonly file: string
  /** What is replaced: must occur there exactly once. */
  readonly search: string
  readonly replace: string
  /** The test files that are to catch it. */
  readonly tests: readonly string[]
  /** A test without a database catches it. */
  readonly isQuick?: boolean
}

/**
 * Gives a source with a mutant in it.
 *
 * @throws Error where the place cannot be found, or is not the only one.
 */
export function applyMutant({ name, file, search, replace }: Mutant, source: string): string {
  const parts = source.split(search)
  if (parts.length === 2 && search !== replace) return parts.join(replace)
  throw new Error(
    `The mutant "${name}" does not apply: ${file} has ${parts.length - 1} such places.`,
  )
}
