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
  /** The packages that the package and its tests load, beside Knex and mysql2, with versions. */
  readonly packages: readonly string[]
  /** Changes to the tests that they need to run here. */
  readonly edits?: readonly Edit[]
  /** A file of SQL that creates the tables that the tests expect. */
  readonly tables?: string
  /** The character set of the database that the tests expect. @defaultValue utf8mb4 */
  readonly charset?: string
  /** The program that runs the tests. */
  readonly runner: Runner
  /** The servers that the tests are for. @defaultValue all */
  readonly servers?: readonly string[]
  /** Environment variables that the tests read. */
  readonly environment?: Readonly<Record<string, string>>
  /** Tests that pass with plain Knex but not with ours: the beginning of the title, and the reason. */
  readonly exceptions?: Readonly<Record<string, string>>
}

/** Replaces each occurrence of a text in a file. */
export interface Edit {
  readonly file: string
  readonly from: string
  readonly to: string
}
