/*
 * Which of the user's `session` statements can be one with the SET NAMES before them: each packet is a
 * command of its own for the server.
 */

/**
 * Variables that any account may set for its session, at any time: a server that has taken a value at
 * connect takes it again.
 */
const VARIABLE =
  '(?:sql_mode|tx_isolation|transaction_isolation|(?:innodb_)?lock_wait_timeout|wait_timeout|' +
  'net_(?:read|write)_timeout|max_execution_time|max_statement_time|group_concat_max_len|' +
  'foreign_key_checks|unique_checks|sql_safe_updates|sql_select_limit|optimizer_switch)'

/** No escapes, and nothing that is looked up. */
const LITERAL = "(?:\\d+(?:\\.\\d+)?|on|off|true|false|default|'[^'\\\\]*')"

/** The name of a time zone may be known no more; the distance from UTC always is. */
const TIME_ZONE = "time_zone\\s*=\\s*'[+-]\\d\\d?:\\d\\d'"

const SCOPE = '(?:session\\s+|local\\s+|@@session\\s*\\.\\s*|@@local\\s*\\.\\s*|@@)?'
const ASSIGNMENT = `${SCOPE}(?:${VARIABLE}\\s*=\\s*${LITERAL}|${TIME_ZONE})`
const SETTINGS = new RegExp(
  `^\\s*set\\s+(${ASSIGNMENT}(?:\\s*,\\s*${ASSIGNMENT})*)\\s*;?\\s*$`,
  'i',
)

/** What sets a session up: first what is one statement, then the user's other ones. */
export interface MergedSettings {
  readonly names: string
  readonly session: readonly string[]
}

/**
 * Puts what the user's first statements assign behind SET NAMES, as far as they only assign values that
 * cannot be refused later. Those after another kind of statement stay behind it.
 *
 * @param names `SET NAMES ...`
 */
export function mergeSettings(names: string, session: readonly string[]): MergedSettings {
  const [first, ...rest] = session
  const assignments = first === undefined ? undefined : SETTINGS.exec(first)?.[1]
  if (assignments === undefined) return { names, session }
  return mergeSettings(`${names}, ${assignments}`, rest)
}
