import type { Runner } from './runners.ts'

/** The tests of a package that others maintain. */
export interface ForeignSuite {
  /** The package's name in npm. */
  readonly name: string
  /** The release whose tests run. */
  readonly version: string
  /** Its repository on GitHub, as `owner/name`. */
  readonly repository: string
  /** The tag of that release. */
  readonly tag: string
  /** What the package and its tests load, beside Knex and mysql2, each with its version. */
  readonly packages: readonly string[]
  /** What is changed in the tests for them to run here. */
  readonly edits?: readonly Edit[]
  /** A file of SQL that makes the tables which the tests expect. */
  readonly tables?: string
  /** The character set that the tests expect their database to have; utf8mb4 if left out. */
  readonly charset?: string
  /** What runs the tests. */
  readonly runner: Runner
  /** Those that the tests are for; all if left out. */
  readonly servers?: readonly string[]
  /** What the tests read from their environment. */
  readonly environment?: Readonly<Record<string, string>>
  /** Tests that pass with plain Knex and not with ours: the beginning of the title, and why. */
  readonly exceptions?: Readonly<Record<string, string>>
}

/** Replaces a text in a file, each time it occurs there. */
export interface Edit {
  readonly file: string
  readonly from: string
  readonly to: string
}
