import type { Knex } from 'knex'
import mysql, { type ConnectionOptions } from 'mysql2'
import {
  type LookupOptions,
  type ResolvedLookupOptions,
  resolveLookupOptions,
} from '../base/cached-lookup.ts'
import type { TenantKnexError } from '../base/errors.ts'
import {
  checkFunction,
  checkInteger,
  checkMillis,
  checkOneOf,
  invalid,
  isObject,
  MAX_MILLIS,
  pick,
  rejectUnknownKeys,
  show,
  withoutUndefined,
} from '../base/option-checks.ts'
import { defaultDatabase, hasControlCharacter } from '../tenants/names.ts'
import type { Tenant } from '../tenants/tenant.ts'
import { type CacheOptions, type ResolvedCacheOptions, resolveCacheOptions } from './cache.ts'

/**
 * Where the server is and how to log in: any of mysql2's connection options but those that fix a
 * database. With `expirationChecker` the settings are asked for again once it returns true.
 */
export interface ConnectionSettings
  extends Omit<ConnectionOptions, 'database' | 'uri' | 'multipleStatements'> {
  /** Must not be given: each tenant has a database of its own. */
  database?: never
  /** Must not be given: pass the URL as `connection` itself. */
  uri?: never
  /** Takes effect only together with `allowMultipleStatements: true`. */
  multipleStatements?: boolean
  /** Only where the settings come from a function: true once they must be asked for again. */
  expirationChecker?: () => boolean
}

/** The pool of one server. Names and meanings are those of Knex (tarn). */
export interface PoolOptions {
  /** Idle connections that are kept when others are reaped. @defaultValue 0 */
  readonly min?: number
  /** Connections at most. @defaultValue 20 */
  readonly max?: number
  /** How long an idle connection lives, in milliseconds. @defaultValue 30_000 */
  readonly idleTimeoutMillis?: number
  /** How often idle connections are looked at, in milliseconds. @defaultValue 1_000 */
  readonly reapIntervalMillis?: number
  /** How long connecting may take, in milliseconds. @defaultValue 10_000 */
  readonly createTimeoutMillis?: number
  /** Pause before connecting is tried again, in milliseconds. @defaultValue 200 */
  readonly createRetryIntervalMillis?: number
  /** How long an acquire may wait, in milliseconds. @defaultValue 10_000 */
  readonly acquireTimeoutMillis?: number
  /**
   * How long a connection lives from its first use, in milliseconds, however busy: up to a tenth less, so that not all
   * end at once. It is closed when it comes back, never while it is held.
   * @defaultValue 1_800_000
   */
  readonly maxLifetimeMillis?: number
  /**
   * Connections that one tenant holds at most while another one has used the pool within the last
   * minute. It begins with a third of `max`, and no less than 2, and may hold one more for each that
   * comes back from it; where none has for 250 ms, it is a third again, so that a tenant that waits for a
   * lock does not hold them all. Give it `max` for no limit of either kind.
   * @defaultValue half of `max`, rounded up, and no less than 2
   */
  readonly maxPerTenant?: number
  /**
   * Acquires of one tenant that wait at most. One more is refused at once, with
   * `ERR_TENANT_QUEUE_FULL`.
   * @defaultValue 100 times `max`
   */
  readonly maxWaitingPerTenant?: number
}

/** Keys of a Knex configuration that mean the same here. */
export interface KnexPassThrough
  extends Pick<
    Knex.Config,
    | 'asyncStackTraces'
    | 'compileSqlOnError'
    | 'debug'
    | 'log'
    | 'migrations'
    | 'postProcessResponse'
    | 'seeds'
    | 'useNullAsDefault'
    | 'version'
    | 'wrapIdentifier'
  > {
  /** Parameters that each bound Knex carries as `userParams`. */
  readonly userParams?: Readonly<Record<string, unknown>>
}

/** Options of `createTenantKnex`. */
export interface TenantKnexOptions extends KnexPassThrough {
  /**
   * Says in the messages of the diagnostics channels which tenantKnex they are of: 1 to 128 characters
   * without control characters. Give each its own if there are several.
   * @defaultValue 'default'
   */
  readonly name?: string
  /** Only mysql2 is supported. @defaultValue 'mysql2' */
  readonly client?: 'mysql2'
  /** How to reach the server: mysql2's connection options, a `mysql://` URL, or a function. */
  readonly connection:
    | string
    | ConnectionSettings
    | (() => ConnectionSettings | Promise<ConnectionSettings>)
  /** The one pool that all tenants of the server share. */
  readonly pool?: PoolOptions
  /**
   * Maps a tenant's id to its database, a different one for each id; null where there is no such
   * tenant. Either synchronous and pure, or asynchronous, as a look-up in a catalog is: then it is
   * asked when a place is needed, what it says is kept for a while (`lookup`), and
   * `tenantKnex.forget(id)` has it asked anew.
   * @defaultValue `` (id) => `tenant_${id}` ``
   */
  readonly database?: (tenantId: string) => string | null | Promise<string | null>
  /** How long what an asynchronous `database` function says is kept. */
  readonly lookup?: LookupOptions
  /**
   * Statements that set a session up. They run on each new connection, and again whenever it passes to
   * another tenant. They run in `information_schema`, in no tenant's database. Each must be answered by
   * one OK. They must leave the character set alone: set `connection.charset`.
   * @defaultValue []
   */
  readonly session?: readonly string[]
  /**
   * When a session is cleaned: when its connection passes to another tenant, or also at each
   * release. Take `'always'` where an application uses LOCK TABLES or GET_LOCK outside
   * transactions, which no answer of the server tells of. With `'when-dirty'` not even when it passes
   * on, where all its statements since were plain queries of Knex's: faster, but what a trigger, a
   * stored function, a view, or on MariaDB a default or a virtual column has set reaches the next
   * tenant.
   * @defaultValue 'hand-over'
   */
  readonly clean?: 'hand-over' | 'always' | 'when-dirty'
  /**
   * Whether a statement leaves in one write with the switch before it. `'auto'`: where the statement is
   * the query builder's own or BEGIN, and the tenant's database was confirmed within the last minute;
   * raw statements and those for tables wait for the switch's answer. `'pipelined'`: always where the
   * connection can. `'roundtrip'`: never.
   * @defaultValue 'auto'
   */
  readonly switching?: 'auto' | 'pipelined' | 'roundtrip'
  /** How long changing a connection's database may take, in milliseconds. @defaultValue 2_000 */
  readonly switchTimeoutMillis?: number
  /** How long an acquire may wait, in milliseconds; Knex's name. @defaultValue 10_000 */
  readonly acquireConnectionTimeout?: number
  /** Agrees to `connection.multipleStatements`. @defaultValue false */
  readonly allowMultipleStatements?: boolean
  /** The tenants' caches. @defaultValue in this process */
  readonly cache?: CacheOptions
  /**
   * Another tenantKnex: the two have one scope. A tenant that `run`, an adapter or `enter` of either puts in
   * scope is the one that `ambient`, `current` and `tenant` of both go by. For a second server, or a pool
   * of its own for reports. A transaction in scope belongs to the one that has begun it: the other's
   * `ambient` does not join it. Of adapters, one is enough. Several can share one scope.
   * @defaultValue a scope of its own
   */
  readonly shareScopeWith?: ScopeOwner
}

/** A tenantKnex, as far as the scope goes. */
export interface ScopeOwner {
  readonly tenant: Tenant | undefined
  enter(tenantId: string): () => void
}

/** Options with every default filled in. */
export interface ResolvedOptions {
  readonly name: string
  readonly connect: () => Promise<ResolvedConnection>
  /** What `connect` will give, where that is known without asking. */
  readonly fixed: ResolvedConnection | undefined
  readonly pool: Required<PoolOptions>
  readonly database: (tenantId: string) => string | null | Promise<string | null>
  readonly lookup: ResolvedLookupOptions
  readonly session: readonly string[]
  readonly clean: 'hand-over' | 'always' | 'when-dirty'
  readonly switching: 'auto' | 'pipelined' | 'roundtrip'
  readonly switchTimeoutMillis: number
  readonly cache: ResolvedCacheOptions
  readonly knex: KnexPassThrough
}

/** mysql2's options for one connection, and until when they may be used again. */
export interface ResolvedConnection {
  readonly options: ConnectionOptions
  readonly isExpired: () => boolean
}

/** Every default in one place. */
export const DEFAULTS: {
  readonly name: string
  readonly pool: Required<PoolOptions>
  readonly clean: 'hand-over' | 'always' | 'when-dirty'
  readonly switching: 'auto' | 'pipelined' | 'roundtrip'
  readonly switchTimeoutMillis: number
  readonly maxPreparedStatements: number
} = Object.freeze({
  name: 'default',
  pool: Object.freeze({
    min: 0,
    max: 20,
    ...shares(20),
    idleTimeoutMillis: 30_000,
    reapIntervalMillis: 1_000,
    createTimeoutMillis: 10_000,
    createRetryIntervalMillis: 200,
    acquireTimeoutMillis: 10_000,
    maxLifetimeMillis: 1_800_000,
  }),
  clean: 'hand-over',
  switching: 'auto',
  switchTimeoutMillis: 2_000,
  // mysql2's own default of 16,000 allocates half a megabyte for each connection.
  maxPreparedStatements: 256,
})

/** Keys that are passed on to Knex, and of what type their values are. */
const PASS_THROUGH = {
  asyncStackTraces: 'boolean',
  compileSqlOnError: 'boolean',
  debug: 'boolean',
  log: 'object',
  migrations: 'object',
  postProcessResponse: 'function',
  seeds: 'object',
  useNullAsDefault: 'boolean',
  userParams: 'object',
  version: 'string',
  wrapIdentifier: 'function',
} as const satisfies Record<keyof KnexPassThrough, string>

const MAX_NAME_LENGTH = 128

const SWITCHING = ['auto', 'pipelined', 'roundtrip'] as const

const OWN_KEYS = [
  'acquireConnectionTimeout',
  'allowMultipleStatements',
  'cache',
  'clean',
  'client',
  'connection',
  'database',
  'lookup',
  'name',
  'pool',
  'session',
  'shareScopeWith',
  'switchTimeoutMillis',
  'switching',
] as const satisfies readonly (keyof TenantKnexOptions)[]

/** Character sets in which the second byte of a character can be a quote or a backslash. */
const UNSAFE_CHARSET = /^(?:gbk|big5|sjis|cp932|gb18030)(?:_|$)/i

/** mysql2 exports what reads its options, but its types do not say so. */
const { parseUrl, getCharsetNumber } = (mysql as unknown as { ConnectionConfig: OptionReader })
  .ConnectionConfig
interface OptionReader {
  parseUrl(url: string): Omit<ConnectionSettings, 'database'> & { database: string; port: number }
  /** Throws for a character set that mysql2 does not know. */
  getCharsetNumber(charset: unknown): number
}

/**
 * Merges the user's options with the defaults and checks them.
 *
 * @throws `ERR_OPTION_INVALID`
 */
export function resolveOptions(user: TenantKnexOptions): ResolvedOptions {
  if (!isObject(user)) throw invalid('The options must be an object.')
  rejectUnknownKeys(user, [...OWN_KEYS, ...Object.keys(PASS_THROUGH)], '')
  if (user.client !== undefined && user.client !== 'mysql2') {
    throw invalid(`\`client\` must be 'mysql2', got ${show(user.client)}.`)
  }
  return Object.freeze({
    name: checkName(user.name ?? DEFAULTS.name),
    ...connectionProvider(user),
    pool: resolvePool(user),
    database: checkFunction('database', user.database ?? defaultDatabase),
    lookup: resolveLookupOptions(user.lookup ?? {}, 'lookup.'),
    session: checkSession(user.session ?? []),
    clean: checkOneOf('clean', user.clean ?? DEFAULTS.clean, ['hand-over', 'always', 'when-dirty']),
    switching: checkOneOf('switching', user.switching ?? DEFAULTS.switching, SWITCHING),
    switchTimeoutMillis: checkInteger(
      'switchTimeoutMillis',
      user.switchTimeoutMillis ?? DEFAULTS.switchTimeoutMillis,
      1,
      MAX_MILLIS,
    ),
    cache: resolveCacheOptions(user.cache ?? {}),
    knex: passedThrough(user),
  })
}

function checkName(name: unknown): string {
  const isText = typeof name === 'string' && name.length >= 1 && name.length <= MAX_NAME_LENGTH
  if (isText && !hasControlCharacter(name)) return name
  throw invalid(
    `\`name\` must be a text of 1 to ${MAX_NAME_LENGTH} characters without control characters, ` +
      `got ${show(name)}.`,
  )
}

function passedThrough(user: TenantKnexOptions): KnexPassThrough {
  const given = pick(user, Object.keys(PASS_THROUGH) as (keyof KnexPassThrough)[])
  for (const [name, value] of Object.entries(given)) {
    const type = PASS_THROUGH[name as keyof KnexPassThrough]
    const isRight = type === 'object' ? isObject(value) : typeof value === type
    if (!isRight) throw invalid(`\`${name}\` must be of type ${type}, got ${show(value)}.`)
  }
  return given
}

function resolvePool(user: TenantKnexOptions): Required<PoolOptions> {
  const given: PoolOptions = user.pool ?? {}
  if (!isObject(given)) throw invalid('`pool` must be an object.')
  if ('afterCreate' in given) throw afterCreateRefused()
  rejectUnknownKeys(given, Object.keys(DEFAULTS.pool), 'pool.')
  const acquireTimeoutMillis = Math.min(
    checkMillis('pool.acquireTimeoutMillis', given.acquireTimeoutMillis ?? MAX_MILLIS),
    checkMillis('acquireConnectionTimeout', user.acquireConnectionTimeout ?? MAX_MILLIS),
  )
  const max = checkInteger('pool.max', given.max ?? DEFAULTS.pool.max, 1, 100_000)
  const pool = {
    ...DEFAULTS.pool,
    ...shares(max),
    ...withoutUndefined(given),
    acquireTimeoutMillis:
      acquireTimeoutMillis === MAX_MILLIS
        ? DEFAULTS.pool.acquireTimeoutMillis
        : acquireTimeoutMillis,
  }
  checkInteger('pool.min', pool.min, 0, max)
  checkInteger('pool.maxPerTenant', pool.maxPerTenant, 1, max)
  checkInteger('pool.maxWaitingPerTenant', pool.maxWaitingPerTenant, 1, Number.MAX_SAFE_INTEGER)
  for (const name of ['idle', 'create', 'acquire'] as const) {
    checkMillis(`pool.${name}TimeoutMillis`, pool[`${name}TimeoutMillis`])
  }
  checkMillis('pool.reapIntervalMillis', pool.reapIntervalMillis)
  checkMillis('pool.maxLifetimeMillis', pool.maxLifetimeMillis)
  checkMillis('pool.createRetryIntervalMillis', pool.createRetryIntervalMillis)
  return Object.freeze(pool)
}

/**
 * What Knex calls with a new connection would run before there is a tenant, and the reset at the next
 * hand-over would undo it.
 */
function afterCreateRefused(): TenantKnexError {
  return invalid(
    '`pool.afterCreate` is not supported: a session begins anew whenever its connection passes to ' +
      'another tenant. Put the statements that it sends into `session`, such as ' +
      'session: ["SET time_zone = \'+00:00\'"]. They run on each new connection, and again for each ' +
      'tenant that gets it.',
  )
}

/** What a tenant may have of a pool with so many connections, by default. */
function shares(max: number): Required<Pick<PoolOptions, 'maxPerTenant' | 'maxWaitingPerTenant'>> {
  const maxPerTenant = Math.min(max, Math.max(2, Math.ceil(max / 2)))
  return { maxPerTenant, maxWaitingPerTenant: 100 * max }
}

function connectionProvider(user: TenantKnexOptions): Pick<ResolvedOptions, 'connect' | 'fixed'> {
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

/** What a URL says. The errors show nothing of it but its protocol. */
function readUrl(url: string): ReturnType<OptionReader['parseUrl']> {
  if (url === '') throw missingConnection('empty')
  const [, protocol] = /^([a-z][a-z\d+.-]*):\/\//i.exec(url) ?? []
  if (!protocol) throw invalid(EXPECTED)
  if (!/^(?:mysql|mariadb)$/i.test(protocol)) {
    throw invalid(
      `\`connection\` is a ${protocol}:// URL, and this is for MySQL and MariaDB. ${EXPECTED}`,
    )
  }
  // What follows a # is no part of what a URL names: it is one of the password.
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
      maxPreparedStatements: DEFAULTS.maxPreparedStatements,
      ...options,
      flags: safeFlags(options, flags, allowMultipleStatements),
    },
    isExpired: expirationChecker ?? (() => false),
  }
}

/** Knex hides passwords in the settings it keeps: a spread of those would lose them. */
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
      '`connection.charset` is one in which an escaped string can be broken. Use utf8mb4.',
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
 * LOCAL_FILES lets a hostile server read this machine's files. IGNORE_SPACE is put into MariaDB's
 * sql_mode at connect, but not again after a reset, so the mode would depend on a connection's past.
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
        'If you need it all the same, pass `allowMultipleStatements: true` as well.',
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

function checkSession(session: unknown): readonly string[] {
  if (!Array.isArray(session) || !session.every((sql) => typeof sql === 'string' && sql.trim())) {
    throw invalid('`session` must be an array of SQL statements.')
  }
  return Object.freeze([...session])
}
