import type { Mode } from './preload.ts'

/** Tests that pass with plain Knex, and that must fail with ours or cannot pass. */
export interface Exception {
  readonly modes: readonly Mode[]
  /** The beginning of the test's full title. */
  readonly title: string
  readonly why: string
  /** It sometimes passes with ours, and sometimes fails with plain Knex. */
  readonly isUnsteady?: true
}

const ALL = 'integration tests mysql'

export const EXCEPTIONS: readonly Exception[] = [
  {
    modes: ['bound', 'models'],
    title: `${ALL} cross db mysql`,
    why: 'These tests query a second database by its name, which a tenant must not.',
  },
  {
    modes: ['models'],
    title: `${ALL} transaction should fail if all ModelClasses are not bound to the same knex connection`,
    why: 'The test binds a model to a Knex of no tenant; that is refused earlier than it expects.',
  },
  {
    modes: ['models'],
    title: `${ALL} misc using unbound models by passing a knex to query should fail with a descriptive error message if knex is not provided`,
    why: 'Queries without a Knex fail there; here they have the tenant in scope.',
  },
  ...['OnlyIdentifiers', 'OnlyNeeded', 'Everything'].map((strategy) => ({
    modes: ['bound', 'models'] as const,
    title: `${ALL} upsertGraph (fetchStrategy: ${strategy}) validation and transactions should validate (also tests transactions)`,
    why: 'Three transactions write the same rows at once, and the test reads what a deadlock left.',
    isUnsteady: true as const,
  })),
]

/**
 * Several tests write the same rows over several connections at once. The order of the statements decides if
 * InnoDB ends one with a deadlock, with plain Knex too. The tests do not expect that.
 */
export const UNSTEADY = /Deadlock found/
