/*
 * What a statement can leave in its session, by its text alone: nothing, where all its words are among
 * those of a plain query. Whatever user variables, locks, settings or functions are written with is not.
 */

const NAME = /`(?:[^`]|``)*`/g
const BEGIN_OF_QUERY = /^\(*(?:select|insert|update|delete|with)\b/i
/** A transaction that is open at release is rolled back, and its session is cleaned, in any case. */
const PART_OF_TRANSACTION =
  /^(?:begin|commit|rollback(?: to savepoint \w+)?|(?:release )?savepoint \w+)\s*;?$/i
/** What follows the name of a table that rows go into is no call. */
const COLUMNS_OF_INSERT = /\binto\s+`(?:\.`)*\s*\(/gi
/**
 * A function may be called by its name in backticks, which mysql2 makes of a value for `??`, or behind
 * its database's, where any word is a name; `NaN`, which a value can become, is one too.
 */
const CALL_BY_NAME = /[`?]\s*\(|\.\s*[a-z\d]+\s*\(|\?\?/i
/**
 * A quote, `@`, `#`, `:`, `;` or `$`, or a letter or space that is not ASCII. What begins a comment:
 * backticks in there begin no name. A word that begins with a digit: a name.
 */
const UNKNOWN_SIGN = /[^ \t\r\na-z\d`?.,()*=<>!+\-/%]|--|\/\*|\d[a-z]/i
/** With the parenthesis behind it, if any: most words may call a stored function then. */
const WORD = /[a-z][a-z\d]*(?:\s*\()?/gi

/** Keywords that Knex's query builder writes. */
const KEYWORDS = words(
  `select insert update delete with recursive distinct all from where into ignore values set default as and or
  not in is null exists between like order by asc desc limit offset group having union join left right
  inner outer cross natural on using duplicate key for share of lock mode skip locked nowait`,
)
/** Reserved words, so no function's name, that a list or a query in parentheses may follow. */
const BEFORE_PARENTHESIS = words(
  'select distinct all from where into values as and or not in exists having union join on using by',
)
/** Functions of no effect; with a space before the parenthesis they may be stored ones. */
const AGGREGATES = words('count sum min max avg')

const KNOWN = new Set([
  ...KEYWORDS,
  ...AGGREGATES,
  ...BEFORE_PARENTHESIS.flatMap((word) => [`${word}(`, `${word} (`]),
  ...AGGREGATES.map((word) => `${word}(`),
])

/**
 * True for a statement that leaves no trace in its session: no variable, setting, lock, temporary table or
 * prepared statement. Not looked into are what tables and views bring along: triggers, stored functions.
 *
 * @param sql the text, with placeholders where values go
 * @param values what goes there: plain values become literals, others may become any text
 */
export function isHarmless(sql: string, values: readonly unknown[]): boolean {
  return values.every(isPlainValue) && (PART_OF_TRANSACTION.test(sql) || isPlainQuery(sql))
}

function isPlainQuery(sql: string): boolean {
  if (!BEGIN_OF_QUERY.test(sql)) return false
  const text = sql.replace(NAME, '`').replace(COLUMNS_OF_INSERT, 'into(')
  if (UNKNOWN_SIGN.test(text) || CALL_BY_NAME.test(text)) return false
  return (text.match(WORD) ?? []).every((word) => KNOWN.has(word.toLowerCase()))
}

/** True for what the driver makes a literal of. An object may say itself what becomes of it. */
export function isPlainValue(value: unknown): boolean {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return true
  return (value instanceof Date || Buffer.isBuffer(value)) && !('toSqlString' in value)
}

function words(text: string): string[] {
  return text.split(/\s+/)
}
