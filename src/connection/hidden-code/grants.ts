/*
 * Tells from an account's grants, as the server prints them, whether the account sees the code of a
 * database. In doubt it does not. The names have to be quoted with backticks.
 */

/** The privileges that are needed: for tables, columns and views, and for triggers. */
const NEEDED = ['SELECT', 'TRIGGER'] as const
const ALL = 'ALL PRIVILEGES'

const NAME = '`(?:[^`]|``)*`'
const GRANTEE = `(${NAME}(?:@${NAME})?|PUBLIC)`
/** A line about everything, or about the databases whose names fit a pattern. */
const LEVEL = new RegExp(
  `^(?:GRANT ([A-Z][A-Z\\d_, ]*) ON (\\*|${NAME})\\.\\* TO |REVOKE [A-Z][A-Z\\d_, ]* ON (${NAME})\\.\\* FROM )${GRANTEE}`,
)
/** Lines that show nothing of a whole database: about tables and routines, about other accounts, and roles. */
const OTHER = [
  new RegExp(
    `^GRANT [^\`]+(?:\\((?:${NAME}[, ]*)+\\)[^\`]*)* ON (?:[A-Z ]+ )?${NAME}\\.${NAME} TO `,
  ),
  /^GRANT PROXY ON /,
  new RegExp(`^GRANT ${NAME}(?:@${NAME})?(?:, ?${NAME}(?:@${NAME})?)* TO `),
  /^SET DEFAULT ROLE /,
]

interface Grant {
  readonly grantee: string
  readonly privileges: readonly string[]
  /** True if it covers the database. */
  readonly covers: (database: string) => boolean
}

/** Says for a database whether the account sees all of its triggers, views and columns. */
export type Sight = (database: string) => boolean

/**
 * Reads the lines of SHOW GRANTS: those of the account, and of its roles that are active.
 *
 * @param isLiteral true if `%` and `_` are no wildcards, as with MySQL's `partial_revokes`
 */
export function sightOf(lines: readonly string[], isLiteral: boolean): Sight {
  const everywhere: Grant[] = []
  const byDatabase: Grant[] = []
  const revoked: Grant['covers'][] = []
  for (const line of lines) {
    const [, list, granted, taken, grantee] = LEVEL.exec(line) ?? []
    if (taken !== undefined) revoked.push(matcher(taken, isLiteral))
    else if (list !== undefined && granted !== undefined && grantee !== undefined) {
      const privileges = list.split(', ')
      if (granted === '*') everywhere.push({ grantee, privileges, covers: () => true })
      else byDatabase.push({ grantee, privileges, covers: matcher(granted, isLiteral) })
    } else if (!OTHER.some((other) => other.test(line))) return () => false
  }
  const missing = NEEDED.filter((needed) => !everywhere.some((grant) => gives(grant, needed)))
  return (database) =>
    !revoked.some((covers) => covers(database)) && hasAll(missing, byDatabase, database)
}

function hasAll(missing: readonly string[], grants: readonly Grant[], database: string): boolean {
  if (missing.length === 0) return true
  const covering = grants.filter(({ covers }) => covers(database))
  return missing.every((needed) => hasOne(needed, covering))
}

/**
 * A server looks for the grant that fits a database best, and does not add others of the same grantee to
 * it. So each of the grantee's has to give the privilege.
 */
function hasOne(needed: string, covering: readonly Grant[]): boolean {
  return covering.some(({ grantee }) =>
    covering.every((grant) => grant.grantee !== grantee || gives(grant, needed)),
  )
}

function gives({ privileges }: Grant, needed: string): boolean {
  return privileges.includes(ALL) || privileges.includes(needed)
}

function matcher(quoted: string, isLiteral: boolean): Grant['covers'] {
  const pattern = quoted.slice(1, -1).replaceAll('``', '`')
  if (isLiteral || !/[%_\\]/.test(pattern)) return (database) => database === pattern
  const fitting = new RegExp(`^${pattern.replace(PART_OF_PATTERN, partOfExpression)}$`, 'su')
  return (database) => fitting.test(database)
}

/** A wildcard, or a character that stands for itself, with a backslash or without. */
const PART_OF_PATTERN = /\\(.)|./gsu

function partOfExpression(part: string, escaped: string | undefined): string {
  if (part === '%') return '.*'
  return part === '_' ? '.' : (escaped ?? part).replace(/[\\^$.*+?()[\]{}|/]/u, '\\$&')
}
