import mysql, { type ConnectionOptions } from 'mysql2'
import type { TenantKnexError } from '../base/errors.ts'
import { invalid, isObject, show } from '../base/option-checks.ts'

/**
 * The server's address and the log-in: any of mysql2's connection options, except those that fix a database.
 * If a function gives the settings, it is called again when `expirationChecker` returns true.
 */
export interface ConnectionSettings
  extends Omit<ConnectionOptions, 'database' | 'uri' | 'multipleStatements'> {
  /** Must not be given: each tenant has a database of its own. */
  database?: never
  /** Must not be given: pass the URL as `connection` itself. */
  uri?: never
  /** Takes effect only together with `allowMultipleStatements: true`. */
  multipleStatements?: boolean
  /** Only for settings that a function gives: returns true when the function must be called again. */
  expirationChecker?: () => boolean
}

/** How to reach the server: a `mysql://` URL, mysql2's connection options, or a function that gives options. */
export type Connection =
  | string
  | ConnectionSettings
  | (() => ConnectionSettings | Promise<ConnectionSettings>)

/** mysql2's options for one connection, and whether they have expired. */
export interface ResolvedConnection {
  readonly options: ConnectionOptions
  readonly isExpired: () => boolean
}

/** The settings of connections to one server. */
export interface ConnectionProvider {
  /** The settings for the next connection. */
  readonly connect: () => Promise<ResolvedConnection>
  /** The settings, if they are known without calling the user's function. */
  readonly fixed: ResolvedConnection | undefined
}

/** The options that say how to connect. */
interface GivenConnection {
  readonly connection: Connection
  readonly allowMultipleStatements?: boolean
}

/** mysql2's own default of 16,000 allocates half a megabyte for each connection. */
const MAX_PREPARED_STATEMENTS = 256

/** Character sets whose second byte of a character can be a quote or a backslash. */
const UNSAFE_CHARSET = /^(?:gbk|big5|sjis|cp932|gb18030)(?:_|$)/i

/** mysql2 exports its option parser, but its types do not show it. */
const { parseUrl, getCharsetNumber } = (mysql as unknown as { ConnectionConfig: OptionReader })
  .ConnectionConfig
interface OptionReader {
  parseUrl(url: string): Omit<ConnectionSettings, 'database'> & { database: string; port: number }
  /** Throws for a character set that mysql2 does not know. */
  getCharsetNumber(charset: unknown): number
}

/** Makes the settings of each connection from the user's options. @throws `ERR_OPTION_INVALID` */
export function connectionProvider(user: GivenConnection): ConnectionProvider {
  const { connection, allowMultipleStatements = false } = user
  if (typeof allowMultipleStatements !== 'boolean') {
    throw invalid(
      `\`allowMultipleStatements\` must be true or false, got ${show(allowMultipleStatements)}.`,
    )
  }
  if (typeof connection === 'function') {
    const connect = async () => resolveConnection(await connection(), allowMultipleStatements)
    return { connect, fixed: undefined }
  }
  const fixed = resolveConnection(parseConnection(connection), allowMultipleStatements)
  return { connect: async () => fixed, fixed }
}

function parseConnection(connection: unknown): ConnectionSettings {
  if (typeof connection !== 'string') return connection as ConnectionSettings
  const { database, port, ...rest } = readUrl(connection)
  if (database) throw fixedDatabase()
  return Number.isNaN(port) ? rest : { ...rest, port }
}

const EXPECTED = '`connection` must be a mysql:// URL, connection options, or a function.'

/** Reads a URL. An error shows only its protocol: the rest may hold a password. */
function readUrl(url: string): ReturnType<OptionReader['parseUrl']> {
  if (url === '') throw missingConnection('empty')
  const [, protocol] = /^([a-z][a-z\d+.-]*):\/\//i.exec(url) ?? []
  if (!protocol) throw invalid(EXPECTED)
  if (!/^(?:mysql|mariadb)$/i.test(protocol)) {
    throw invalid(
      `\`connection\` is a ${protocol}:// URL, and this is for MySQL and MariaDB. ${EXPECTED}`,
    )
  }
  // A URL ends at a #. If an @ follows, the # belongs to the password.
  if (/#.*@/.test(url)) throw invalidUrl()
  try {
    return parseUrl(url)
  } catch {
    throw invalidUrl() // without the cause, which may show the password
  }
}

function invalidUrl(): TenantKnexError {
  return invalid(
    '`connection` is no valid URL. Characters such as #, %, / and ? in a user name or a password must be ' +
      'escaped: encodeURIComponent(password).',
  )
}

function missingConnection(what: string): TenantKnexError {
  return invalid(`\`connection\` is ${what}. Is an environment variable missing? ${EXPECTED}`)
}

function resolveConnection(given: unknown, allowMultipleStatements: boolean): ResolvedConnection {
  if (given === undefined) throw missingConnection('undefined')
  if (!isObject(given)) throw invalid(EXPECTED)
  const settings: ConnectionSettings & Record<string, unknown> = ownProperties(given)
  if (settings.database) throw fixedDatabase()
  if (settings.uri !== undefined) {
    throw invalid('Pass the URL as `connection` itself, not as `connection.uri`.')
  }
  for (const key of ['isServer', 'pool'] as const) {
    if (settings[key] !== undefined) throw invalid(`\`connection.${key}\` is not supported.`)
  }
  checkCharset(settings)
  const { expirationChecker, database: _empty, flags, ...options } = settings
  return {
    options: {
      maxPreparedStatements: MAX_PREPARED_STATEMENTS,
      ...options,
      flags: safeFlags(options, flags, allowMultipleStatements),
    },
    isExpired: expirationChecker ?? (() => false),
  }
}

/**
 * Knex hides passwords in the settings that it keeps. A spread of those settings would lose the passwords.
 */
function ownProperties(given: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.getOwnPropertyNames(given).map((name) => [name, given[name]]))
}

function checkCharset({ charset, charsetNumber }: Record<string, unknown>): void {
  const named = typeof charset === 'string' && UNSAFE_CHARSET.test(charset)
  const numbered = Object.entries(mysql.Charsets).some(
    ([name, id]) => id === charsetNumber && UNSAFE_CHARSET.test(name),
  )
  if (named || numbered) {
    throw invalid(
      '`connection.charset` is a character set in which an escaped string can be broken. Use utf8mb4.',
    )
  }
  try {
    if (charset) getCharsetNumber(charset)
  } catch {
    throw invalid(
      `\`connection.charset\` must be a character set or a collation that mysql2 knows, got ${show(charset)}. ` +
        'Use utf8mb4.',
    )
  }
}

/**
 * Turns off two flags. LOCAL_FILES lets a hostile server read this machine's files. MariaDB adds IGNORE_SPACE
 * to its sql_mode at connect, but not after a reset, so the mode would depend on a connection's past.
 */
function safeFlags(
  options: ConnectionSettings,
  flags: ConnectionOptions['flags'],
  allowMultipleStatements: boolean,
): string[] {
  const asked = typeof flags === 'string' ? String(flags).split(/\s*,+\s*/) : [...(flags ?? [])]
  const upper = asked.map((flag) => String(flag).toUpperCase())
  const wantsMultiple = options.multipleStatements === true || upper.includes('MULTI_STATEMENTS')
  if (wantsMultiple && !allowMultipleStatements) {
    throw invalid(
      '`connection.multipleStatements` lets an SQL injection run statements of its own. ' +
        'If you need it, pass `allowMultipleStatements: true` as well.',
    )
  }
  if (upper.includes('-SESSION_TRACK')) {
    throw invalid(
      'The flag -SESSION_TRACK in `connection.flags` would keep the server from telling which ' +
        'database is current.',
    )
  }
  const defaults = ['LOCAL_FILES', 'IGNORE_SPACE'].filter((flag) => !upper.includes(flag))
  return [...upper, ...defaults.map((flag) => `-${flag}`)]
}

function fixedDatabase(): TenantKnexError {
  return invalid(
    '`connection.database` must not be given: each tenant has a database of its own. ' +
      'Map ids to databases with the `database` option.',
  )
}
