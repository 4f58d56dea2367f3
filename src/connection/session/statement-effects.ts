import { words } from '../../base/words.ts'

/*
 * The effects that a statement cannot have, by its text alone. In doubt it can have them.
 *
 * A statement leaves nothing in its session if all its words are among those of a plain query. Words and
 * signs of user variables, locks, settings and functions are not.
 *
 * Too many statements can commit to list them. Those for tables do so even if they fail. A procedure can,
 * and a second statement in the same text. So only the statements that cannot commit are listed.
 */

const NAME = /`(?:[^`]|``)*`/g
const BEGIN_OF_QUERY = /^\(*(?:select|insert|update|delete|with)\b/i
/** A list of columns, which looks like a call, follows the name of a table that rows go into. */
const COLUMNS_OF_INSERT = /\binto\s+`(?:\.`)*\s*\(/gi
/**
 * A call by another form of the function's name. A name can be in backticks, which mysql2 also makes of a
 * value for `??`. It can be behind its database's name, and there any word can be a name: even `NaN`, which
 * a value can become.
 */
const CALL_BY_NAME = /[`?]\s*\(|\.\s*\w+\s*\(|\?\?/i
/**
 * A quote, `@`, `#`, `:`, `;` or `$`, or a letter or space that is not ASCII. The beginning of a comment:
 * backticks in there begin no name. A word that begins with a digit, or that a value becomes a part of: a name.
 * A word behind a dot: a name, too.
 */
const UNKNOWN_SIGN = /[^ \t\r\n\w`?.,()*=<>!+\-/%]|--|\/\*|\b\d+[a-z_]|\w\?|\?\w|\.\s*[a-z_]/i
/** With the parenthesis behind it, if any: most words may call a stored function then. */
const WORD = /[a-z_]\w*(?:\s*\()?/gi

/** Keywords that Knex's query builder writes. */
const KEYWORDS = words(
  `select insert update delete with recursive distinct all from where into ignore values set default as and or
  not in is null exists between like order by asc desc limit offset group having union join left right
  inner outer cross natural on using duplicate key for share of lock mode skip locked nowait collate utf8_bin
  current_timestamp`,
)
/** Reserved words, so no function's name, that a list or a query in parentheses may follow. */
const BEFORE_PARENTHESIS = words(
  'select distinct all from where into values as and or not in exists having union join on using by',
)
/** Functions without an effect. With a space before the parenthesis they may be stored ones. */
const AGGREGATES = words('count sum min max avg')

const KNOWN = new Set([
  ...KEYWORDS,
  ...AGGREGATES,
  ...BEFORE_PARENTHESIS.flatMap((word) => [`${word}(`, `${word} (`]),
  ...AGGREGATES.map((word) => `${word}(`),
  'current_timestamp(',
])

/**
 * True for a query that leaves nothing in its session, and asks nothing of it: no variable, setting, lock,
 * temporary table or prepared statement. The triggers of tables and the functions of views are not looked at.
 *
 * @param sql the text, with placeholders for plain values
 */
export function isPlainQuery(sql: string): boolean {
  if (!BEGIN_OF_QUERY.test(sql)) return false
  const text = sql.replace(NAME, '`').replace(COLUMNS_OF_INSERT, 'into(')
  if (UNKNOWN_SIGN.test(text) || CALL_BY_NAME.test(text)) return false
  return (text.match(WORD) ?? []).every((word) => KNOWN.has(word.toLowerCase()))
}

/** True if the driver makes one literal of each value. */
export function arePlainValues(values: readonly unknown[]): boolean {
  return values.every(isPlainValue)
}

/** True for a value that the driver makes a literal of. An object may choose its text itself. */
function isPlainValue(value: unknown): boolean {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return true
  return (value instanceof Date || Buffer.isBuffer(value)) && !('toSqlString' in value)
}

/** These cannot commit by a trigger or a stored function either: both servers forbid it. */
const ROWS = /^\(*(?:select|insert|update|delete|replace|with)\b/i

/**
 * True for one statement that reads or writes rows: it commits nothing, whether it fails or not. Nor does it
 * define code or tables.
 *
 * @param sql the text, with placeholders for plain values
 */
export function cannotCommit(sql: string): boolean {
  return ROWS.test(sql) && !sql.includes(';')
}
