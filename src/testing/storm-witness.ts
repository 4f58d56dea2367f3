import { findTag } from './tags.ts'

/** A statement as the server saw it. */
export interface WitnessedStatement {
  readonly text: string
  /** The database that was current when it began; null for none. */
  readonly database: string | null
}

/** Somebody who watches the server itself, past the library. */
export interface StormWitness {
  /** Statements that ended since the last call; at least those whose text holds a storm's tag. */
  statements?(): Promise<readonly WitnessedStatement[]>
  /** Connections that the server has of the pool's account now. */
  connections?(): Promise<number>
}

/** What a witness is held against. */
export interface Testimony {
  readonly run: string
  /** Names of the tenants' databases, in the order of the tenants. */
  readonly databases: readonly string[]
}

/**
 * Where a statement begins that has left with a switch which is refused: it finds no table there, and
 * its result is nobody's. It is no tenant's database.
 */
const NEUTRAL_DATABASE = 'information_schema'

/**
 * Looks for statements of a run that ran in another database than their own tenant's.
 *
 * @returns how many statements of the run there were, and a sentence for each that is wrong
 */
export function checkStatements(
  statements: readonly WitnessedStatement[],
  { run, databases }: Testimony,
): { seen: number; wrong: string[] } {
  const own = statements.flatMap(({ text, database }) => {
    const tag = findTag(text)
    return tag?.run === run ? [{ database, expected: databases[tag.tenant], tag }] : []
  })
  const wrong = own.filter(
    ({ database, expected }) => database !== expected && database !== NEUTRAL_DATABASE,
  )
  return {
    seen: own.length,
    wrong: wrong.map(
      ({ database, expected, tag }) =>
        `the server ran a statement of operation ${tag.operation} in ${database}, not in ${expected}`,
    ),
  }
}
