/*
 * What sets a session up, in as few statements as can be: each packet is a command of its own for the
 * server.
 */

/**
 * Variables that any account may set for its session, at any time: a server that has taken a value at
 * connect takes it again. Not `optimizer_switch`, whose value says only what is to change: of several
 * in one statement the server begins each with what was before the statement, and the last one wins.
 */
const VARIABLE =
  '(?:sql_mode|tx_isolation|transaction_isolation|(?:innodb_)?lock_wait_timeout|wait_timeout|' +
  'net_(?:read|write)_timeout|max_execution_time|max_statement_time|group_concat_max_len|' +
  'foreign_key_checks|unique_checks|sql_safe_updates|sql_select_limit)'

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

/** What every session of a connection is set up with. */
export interface SessionSetup {
  /** In their order; the first one sets the character set, as what follows may hold characters. */
  readonly statements: readonly string[]
  /**
   * True where none of them can be refused while the rest succeeds, but by a KILL: a role can have been
   * taken away, and a user's statement can fail.
   */
  readonly isPlain: boolean
}

/** What a session's setup is made of. */
export interface SetupParts {
  /**
   * `SET NAMES ... COLLATE ...`: a reset leaves server and driver with different character sets. And
   * what purges the statements that the server keeps for profiling, which a reset does not.
   */
  readonly names: string
  /** The role at connect, quoted, which a reset would leave; undefined where the server knows none. */
  readonly role: string | undefined
  /** MariaDB can set a role together with variables. */
  readonly isMariaDB: boolean
  /** The user's `session` statements. */
  readonly session: readonly string[]
}

/** Of an account that had no role at connect. */
export const NO_ROLE = 'NONE'

/** Makes the setup, of as few statements as can be. */
export function sessionSetup({ names, role, isMariaDB, session }: SetupParts): SessionSetup {
  const hasOwnStatement = role !== undefined && !isMariaDB
  const first = role === undefined || hasOwnStatement ? names : `${names}, ROLE ${role}`
  const settings = session.map(settingsOf)
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
 * What a statement assigns, where it only assigns values that cannot be refused later. Those after
 * another kind of statement stay behind it.
 */
function settingsOf(statement: string): string | undefined {
  return SETTINGS.exec(statement)?.[1]
}
