import {
  type LookupOptions,
  type ResolvedLookupOptions,
  resolveLookupOptions,
} from '../base/lookup-options.ts'
import {
  checkFunction,
  checkInteger,
  checkOneOf,
  invalid,
  isObject,
  MAX_MILLIS,
  rejectUnknownKeys,
  show,
} from '../base/option-checks.ts'
import type { CleanMode, QualifyMode, SwitchMode } from '../base/session-modes.ts'
import type { DatabaseOf } from '../tenants/directory.ts'
import { defaultDatabase, hasControlCharacter } from '../tenants/names.ts'
import type { Tenant } from '../tenants/tenant.ts'
import { type CacheOptions, type ResolvedCacheOptions, resolveCacheOptions } from './cache.ts'
import { type Connection, type ConnectionProvider, connectionProvider } from './connection.ts'
import { type KnexPassThrough, PASS_THROUGH, passedThrough } from './pass-through.ts'
import { POOL_DEFAULTS, type PoolOptions, resolvePool } from './pool.ts'

/** Options of `createTenantKnex`. */
export interface TenantKnexOptions extends KnexPassThrough {
  /**
   * The messages of the diagnostics channels have this name: 1 to 128 characters without control
   * characters. If there are several tenantKnexes, give each its own.
   * @defaultValue 'default'
   */
  readonly name?: string
  /** Only mysql2 is supported. @defaultValue 'mysql2' */
  readonly client?: 'mysql2'
  /** How to reach the server. */
  readonly connection: Connection
  /** The one pool that all tenants of the server share. */
  readonly pool?: PoolOptions
  /**
   * Maps a tenant's id to its database, a different one for each id; null if there is no such tenant. Either
   * synchronous and pure, or asynchronous, such as a look-up in a catalog. An asynchronous function is called
   * when a query needs the place. Its answer is kept for a while (`lookup`), or until
   * `tenantKnex.forget(id)`.
   * @defaultValue `` (id) => `tenant_${id}` ``
   */
  readonly database?: DatabaseOf
  /** How long the answers of an asynchronous `database` function are cached. */
  readonly lookup?: LookupOptions
  /**
   * Statements that set up a session. They run on each new connection, and again when it passes to another
   * tenant. They run in `information_schema`, not in a tenant's database. The server must answer each with
   * one OK. They must not change the character set: use `connection.charset`.
   * @defaultValue []
   */
  readonly session?: readonly string[]
  /**
   * When a session is cleaned:
   *
   * - `'hand-over'`: when its connection passes to another tenant.
   * - `'always'`: also at each release. This is for applications that use LOCK TABLES or GET_LOCK outside
   *   transactions, because the server's answers do not tell of these.
   *
   * @defaultValue 'hand-over'
   */
  readonly clean?: CleanMode
  /**
   * Whether statements of the query builder name the tenant's database before each table. Such a statement
   * needs no switch: it runs on any connection whose session holds nothing of another tenant.
   *
   * - `'auto'`: if the statement certainly means the same then, and the database has no code that runs unseen,
   *   such as triggers and views. The server must have said so within the last five minutes. The account needs
   *   the privileges SELECT and TRIGGER on the tenants' databases to see that. `toSQL()`, events and errors
   *   show the statement without the database.
   * - `'never'`: each statement waits until its connection is in the tenant's database.
   *
   * @defaultValue 'never'
   */
  readonly qualify?: QualifyMode
  /**
   * Whether a statement leaves in one write with the switch before it:
   *
   * - `'auto'`: if the query builder made the statement, or it is BEGIN, and the server confirmed the
   *   tenant's database within the last minute. Raw statements and schema statements wait for the switch's
   *   answer.
   * - `'pipelined'`: always, if the connection can.
   * - `'roundtrip'`: never.
   *
   * @defaultValue 'auto'
   */
  readonly switching?: SwitchMode
  /** How long changing a connection's database may take, in milliseconds. @defaultValue 2_000 */
  readonly switchTimeoutMillis?: number
  /** How long an acquire may wait, in milliseconds. This is Knex's name for it. @defaultValue 10_000 */
  readonly acquireConnectionTimeout?: number
  /** Allows `connection.multipleStatements`. @defaultValue false */
  readonly allowMultipleStatements?: boolean
  /** Options of the tenants' caches. @defaultValue in this process */
  readonly cache?: CacheOptions
  /**
   * Another tenantKnex to share one scope with. If `run`, `enter` or an adapter of either puts a tenant in
   * scope, `ambient`, `current` and `tenant` of both use it. This is for a second server, or for a second
   * pool, such as one for reports. A transaction in scope belongs to the tenantKnex that began it: `ambient`
   * of the other does not join it. One adapter is enough. More than two can share one scope.
   * @defaultValue a scope of its own
   */
  readonly shareScopeWith?: ScopeOwner
}

/** The part of a tenantKnex that owns a scope. */
export interface ScopeOwner {
  readonly tenant: Tenant | undefined
  enter(tenantId: string): () => void
}

/** Options with every default filled in. */
export interface ResolvedOptions extends ConnectionProvider {
  readonly name: string
  readonly pool: Required<PoolOptions>
  readonly database: DatabaseOf
  readonly lookup: ResolvedLookupOptions
  readonly session: readonly string[]
  readonly clean: CleanMode
  readonly qualify: QualifyMode
  readonly switching: SwitchMode
  readonly switchTimeoutMillis: number
  readonly cache: ResolvedCacheOptions
  readonly knex: KnexPassThrough
}

/** The defaults of these options. The cache and the look-ups have their own. */
export const DEFAULTS: {
  readonly name: string
  readonly pool: Required<PoolOptions>
  readonly clean: CleanMode
  readonly qualify: QualifyMode
  readonly switching: SwitchMode
  readonly switchTimeoutMillis: number
} = Object.freeze({
  name: 'default',
  pool: POOL_DEFAULTS,
  clean: 'hand-over',
  qualify: 'never',
  switching: 'auto',
  switchTimeoutMillis: 2_000,
})

const MAX_NAME_LENGTH = 128

const CLEAN: readonly CleanMode[] = ['hand-over', 'always']
const QUALIFY: readonly QualifyMode[] = ['auto', 'never']
const SWITCHING: readonly SwitchMode[] = ['auto', 'pipelined', 'roundtrip']

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
  'qualify',
  'session',
  'shareScopeWith',
  'switchTimeoutMillis',
  'switching',
] as const satisfies readonly (keyof TenantKnexOptions)[]

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
    clean: checkClean(user.clean ?? DEFAULTS.clean),
    qualify: checkOneOf('qualify', user.qualify ?? DEFAULTS.qualify, QUALIFY),
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

function checkClean(clean: CleanMode | 'when-dirty'): CleanMode {
  if (clean === 'when-dirty') {
    throw invalid("`clean: 'when-dirty'` is no more: `qualify: 'auto'` does without most switches.")
  }
  return checkOneOf('clean', clean, CLEAN)
}

function checkSession(session: unknown): readonly string[] {
  if (!Array.isArray(session) || !session.every((sql) => typeof sql === 'string' && sql.trim())) {
    throw invalid('`session` must be an array of SQL statements.')
  }
  return Object.freeze([...session])
}
