import mysql from 'mysql2'

/** White space and comments that may stand before a statement; `/*!` opens code, not a comment. */
const LEADING = /^(?:\s|;|--[^\n]*\n|#[^\n]*\n|\/\*(?!M?!)[\s\S]*?\*\/)*/
const USE = /^(?:\/\*M?!\d*\s*)?use\b/i
/** The first letter of nearly all statements. */
const OTHER_WORD = /^[a-tv-z]/i
const SESSION_TRACKING = withAnyAccent(
  'session_track_(?:schema|state_change|system_variables|transaction_info|gtids)',
)
/** mysql2's marks for a name among the values; the second one is for named placeholders. */
const TAKES_NAMES = /\?\?|::/
const TRANSACTION_END = /^\s*(?:commit|rollback(?:\s+to\s+savepoint\s+\w+)?)\s*;?\s*$/i

/**
 * Why a statement's text must not be sent, or undefined. There are two reasons only:
 *
 * - It switches session tracking off. Nothing else would notice that.
 * - It leaves the database. The server's answer tells of that too, but this error is clearer.
 */
export function refusalOf(sql: string, values?: unknown): string | undefined {
  if (SESSION_TRACKING.test(sql) || namesTracking(sql, values)) {
    return 'it mentions session tracking, by which the server confirms the current database'
  }
  if (beginsWithUse(sql)) {
    return 'USE would leave the database of the tenant. Take the bound Knex of the other tenant'
  }
  return undefined
}

function beginsWithUse(sql: string): boolean {
  if (OTHER_WORD.test(sql)) return false
  const start = LEADING.exec(sql)?.[0].length ?? 0
  return USE.test(sql.slice(start, start + 32))
}

/** True if a value puts the name of a tracking variable into the text. */
function namesTracking(sql: string, values: unknown): boolean {
  const isName = TAKES_NAMES.test(sql)
  // An object can be named placeholders; each of its values stands for itself then.
  const named = isObject(values) && !Array.isArray(values) ? Object.values(values) : []
  return [values, ...named].some((value) => mentionsTracking(value, isName))
}

/** @param isName true if a plain value becomes a name. If not, it is quoted and harmless */
function mentionsTracking(value: unknown, isName: boolean): boolean {
  if (Array.isArray(value)) return value.some((item) => mentionsTracking(item, isName))
  if (isObject(value)) return AS_TEXT.some((sql) => SESSION_TRACKING.test(format(sql, value)))
  return isName && SESSION_TRACKING.test(String(value))
}

/** The texts that mysql2 makes of an object: keys become names, and raw SQL stays as it is. */
const AS_TEXT = ['SET ?', '??']

function format(sql: string, value: object): string {
  try {
    return mysql.format(sql, [value as never])
  } catch {
    return '' // mysql2 cannot put it into a statement either
  }
}

/** True for a value that can become more of a text than one quoted value. */
function isObject(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  return !ArrayBuffer.isView(value) && !(value instanceof Date)
}

/** MySQL finds a variable whatever accents its name is given: `séssion_track_schema` is one. */
function withAnyAccent(pattern: string): RegExp {
  return new RegExp(pattern.replace(/[a-z]/g, '[$&\\u0080-\\uffff]'), 'i')
}

/** True for the statements that end a transaction and touch no table. */
export function isTransactionEnd(sql: string | undefined): boolean {
  return sql !== undefined && sql.length < 100 && TRANSACTION_END.test(sql)
}

/** True for ROLLBACK, also to a savepoint. */
export function isRollback(sql: string | undefined): boolean {
  return sql !== undefined && /^\s*ROLLBACK\b/i.test(sql)
}
