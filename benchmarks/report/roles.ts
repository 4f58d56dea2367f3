import { OURS, PLAIN, WITH_SCHEMA } from '../support/names.ts'
import type { Summary } from '../support/summary.ts'

/** The results of this library: with its defaults, or once with each of the options of a trial. */
export function oursOf(contenders: readonly Summary[]): Summary[] {
  return contenders.filter(({ name }) => name === OURS || name.startsWith(`${OURS} {`))
}

/** The results of plain Knex. */
export function plainOf(contenders: readonly Summary[]): Summary {
  return named(contenders, PLAIN) as Summary
}

/** The results of Knex's `withSchema`; undefined if it had no turns. */
export function withSchemaOf(contenders: readonly Summary[]): Summary | undefined {
  return named(contenders, WITH_SCHEMA)
}

/** The results of a contender; undefined if it had no turns. */
export function named(contenders: readonly Summary[], name: string): Summary | undefined {
  return contenders.find((each) => each.name === name)
}
