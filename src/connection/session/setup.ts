/*
 * Sets a session up with as few statements as possible: for the server each packet is a command of its
 * own.
 */

/**
 * Variables that any account may set for its session at any time. A server that has taken a value at
 * connect takes it again. `optimizer_switch` is not among them. Its value only says which switches change.
 * If a statement sets it twice, the second value starts from the state before the statement, so the first
 * one is lost.
 */
const VARIABLE =
  '(?:sql_mode|tx_isolation|transaction_isolation|(?:innodb_)?lock_wait_timeout|wait_timeout|' +
  'net_(?:read|write)_timeout|max_execution_time|max_statement_time|group_concat_max_len|' +
  'foreign_key_checks|unique_checks|sql_safe_updates|sql_select_limit)'

/** No escapes, and no names. */
const LITERAL = "(?:\\d+(?:\\.\\d+)?|on|off|true|false|default|'[^'\\\\]*')"

/** A server can forget the name of a time zone, but not a distance from UTC. */
const TIME_ZONE = "time_zone\\s*=\\s*'[+-]\\d\\d?:\\d\\d'"

const SCOPE = '(?:session\\s+|local\\s+|@@session\\s*\\.\\s*|@@local\\s*\\.\\s*|@@)?'
const ASSIGNMENT = `${SCOPE}(?:${VARIABLE}\\s*=\\s*${LITERAL}|${TIME_ZONE})`
const SETTINGS = new RegExp(
  `^\\s*set\\s+(${ASSIGNMENT}(?:\\s*,\\s*${ASSIGNMENT})*)\\s*;?\\s*$`,
  'i',
)

/** The setup of every session of a connection. */
export interface SessionSetup {
  /** In their order. The first one sets the character set, because the others may hold text. */
  readonly statements: readonly string[]
  /**
   * True if the server cannot refuse one of them and take the rest, but for a KILL. A role can be taken
   * away, and a user's statement can fail.
   */
  readonly isPlain: boolean
}

/** The parts of a session's setup. */
export interface SetupParts {
  /**
   * `SET NAMES ... COLLATE ...`: a reset leaves server and driver with different character sets. And
   * assignments that purge the statements which the server keeps for profiling: a reset does not.
   */
  readonly names: string
  /** The role at connect, quoted: a reset does not restore it. Undefined if the server knows no roles. */
  readonly role: string | undefined
  /** MariaDB can set a role together with variables. */
  readonly isMariaDB: boolean
  /** The user's `session` statements. */
  readonly session: readonly string[]
}

/** The role of an account that had none at connect. */
export const NO_ROLE = 'NONE'

/** Makes the setup, of as few statements as possible. */
export function sessionSetup({ names, role, isMariaDB, session }: SetupParts): SessionSetup {
  const hasOwnStatement = role !== undefined && !isMariaDB
  const first = role === undefined || hasOwnStatement ? names : `${names}, ROLE ${role}`
  const settings = session.map(assignmentsOf)
  const other = settings.indexOf(undefined)
  const count = other === -1 ? session.length : other
  const statements = [
    [first, ...settings.slice(0, count)].join(', '),
    ...(hasOwnStatement ? [`SET ROLE ${role}`] : []),
    ...session.slice(count),
  ]
  return { statements, isPlain: (role ?? NO_ROLE) === NO_ROLE && count === session.length }
}

/**
 * The assignments of a statement that only assigns values which cannot be refused later; undefined for any
 * other statement. Assignments after another kind of statement stay behind it.
 */
function assignmentsOf(statement: string): string | undefined {
  return SETTINGS.exec(statement)?.[1]
}
