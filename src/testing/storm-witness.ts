import { findTag } from './tags.ts'

/** A statement as the server saw it. */
export interface WitnessedStatement {
  readonly text: string
  /** The current database when the statement began. Null for none. */
  readonly database: string | null
}

/** Watches the server itself, without the library. */
export interface StormWitness {
  /** Statements that ended since the last call: at least all with a storm's tag in their text. */
  statements?(): Promise<readonly WitnessedStatement[]>
  /** The number of connections that the pool's account has at the server now. */
  connections?(): Promise<number>
}

/** The facts that a witness's statements are compared with. */
export interface Testimony {
  readonly run: string
  /** Names of the tenants' databases, in the order of the tenants. */
  readonly databases: readonly string[]
}

/**
 * The database of a statement that was sent with a switch, if the server refuses the switch. The
 * statement finds no table there, and no caller gets its result. It is not a tenant's database.
 */
const NEUTRAL_DATABASE = 'information_schema'

/**
 * Finds statements of a run that ran in another database than their own tenant's, or that name another
 * tenant's.
 *
 * @returns the number of statements of the run, and a sentence for each problem
 */
export function checkStatements(
  statements: readonly WitnessedStatement[],
  { run, databases }: Testimony,
): { seen: number; wrong: string[] } {
  const own = statements.flatMap(({ text, database }) => {
    const tag = findTag(text)
    return tag?.run === run ? [{ text, database, expected: databases[tag.tenant], tag }] : []
  })
  const wrong = own.filter(
    ({ database, expected }) => database !== expected && database !== NEUTRAL_DATABASE,
  )
  const naming = own.flatMap(({ text, expected, tag }) => {
    const named = namesIn(text).find((name) => name !== expected && databases.includes(name))
    return named === undefined ? [] : [{ named, tag }]
  })
  return {
    seen: own.length,
    wrong: [
      ...wrong.map(
        ({ database, expected, tag }) =>
          `the server ran a statement of operation ${tag.operation} in ${database}, not in ${expected}`,
      ),
      ...naming.map(
        ({ named, tag }) =>
          `the server ran a statement of operation ${tag.operation} that names ${named}`,
      ),
    ],
  }
}

/** The quoted names in a text that have another name behind them. */
function namesIn(text: string): string[] {
  return Array.from(text.matchAll(/`([^`]+)`\./g), ([, name]) => String(name))
}
