import mysql, { type ConnectionOptions } from 'mysql2'
import { serverErrno, TenantKnexError } from '../base/errors.ts'
import type { Place } from '../tenants/place.ts'
import { Gate, type GateEvents } from './gate.ts'
import { checkEscaping, setNames } from './session/escaping.ts'
import { NO_ROLE, sessionSetup } from './session/setup.ts'
import type { Switching } from './switch/one-write.ts'
import { setupPlan } from './switch/plan.ts'
import { SwitchFailure, switchError } from './switch/run.ts'
import { type Asked, ask } from './wire/ask.ts'
import { type RawConnection, sayGoodBye } from './wire/driver.ts'

/** What a server says of itself. */
export interface ServerFacts {
  /** The server's variable `version`. */
  readonly version: string
  readonly isMariaDB: boolean
}

/** How connections to one server are opened. */
export interface ConnectOptions {
  /** Of the tenantKnex, for diagnostics. */
  readonly name: string
  /** Name of the server. */
  readonly server: string
  readonly session: readonly string[]
  readonly switchTimeoutMillis: number
  readonly switching: Switching
  readonly confirmedAt: WeakMap<Place, number>
  readonly events: GateEvents
}

/** A connection that belongs to nobody yet, behind its gate. */
export interface OpenedConnection {
  readonly gate: Gate
  readonly facts: ServerFacts
}

/** What a server says of itself and of the account. */
export interface ServerReport extends ServerFacts {
  /** The account that the server took the login for: `'user'@'host'`. */
  readonly account: string
  /** Privileges that the account has on everything, as the server names them: `CREATE`. */
  readonly privileges: readonly string[]
  /** Whether the server takes reads only. */
  readonly isReadOnly: boolean
  /** Whether the server names the current database in its answers. */
  readonly isTracked: boolean
  /** Connections that the server allows in all. */
  readonly maxConnections: number
  /** Connections that the server allows the account; 0: no limit but the one above. */
  readonly maxUserConnections: number
  /** Connections open at the server now, this one included. */
  readonly openConnections: number
  /** Seconds after which the server closes an idle connection. */
  readonly waitTimeoutSeconds: number
}

/**
 * Connects, asks the server what it is, and sets the session up.
 *
 * @param signal ends the attempt; its reason is thrown
 * @throws `ERR_SERVER_UNREACHABLE`, `ERR_SERVER_REFUSED`, `ERR_SESSION_SETUP_FAILED`
 */
export async function openConnection(
  driverOptions: ConnectionOptions,
  options: ConnectOptions,
  signal: AbortSignal,
): Promise<OpenedConnection> {
  return withConnection(driverOptions, signal, (connection) => setUp(connection, options))
}

/**
 * Connects as the pool does, asks what a readiness probe wants to know, and closes the connection.
 *
 * @throws as {@link openConnection}
 */
export async function inspectServer(
  driverOptions: ConnectionOptions,
  options: ConnectOptions,
  signal: AbortSignal,
): Promise<ServerReport> {
  return withConnection(driverOptions, signal, async (connection) => {
    const account = await askAccount(connection)
    const { gate, facts } = await setUp(connection, options)
    await gate.close()
    return { ...facts, ...account, isTracked: gate.isTracked === true }
  })
}

/** A connection whose statement is to be ended. */
export interface KillTarget {
  readonly connectionId: number
  /** What its server says of itself, or nothing: ids are a server's own. */
  readonly serverId: string | null | undefined
  /** By this process's monotonic clock, in milliseconds. */
  readonly openedAt: number
  /** True where the connection is to be ended with it, so that nothing behind it runs. */
  readonly isKilledWhole: boolean
}

/**
 * Ends the statements that connections are running, over a connection made for this alone. A server
 * that was started since then counts its connections anew: the same id is a stranger's there. So it is
 * on another server, where a new connection may lead after a failover.
 *
 * @throws as a result of its own: `ERR_SERVER_UNREACHABLE` for a connection to another server
 */
export async function killQueries(
  driverOptions: ConnectionOptions,
  targets: readonly KillTarget[],
  signal: AbortSignal,
): Promise<PromiseSettledResult<void>[]> {
  return withConnection(driverOptions, signal, async (connection) => {
    const startedAt = await askStart(connection)
    const serverId = await askServerId(connection)
    const kills = targets.map(async (target) => {
      const { connectionId, openedAt, isKilledWhole } = target
      if (target.serverId !== serverId) throw otherServerError(connectionId)
      if (openedAt <= startedAt) return
      const what = isKilledWhole ? 'CONNECTION' : 'QUERY'
      await ask(connection, `KILL ${what} ${connectionId}`)
    })
    const results = await Promise.allSettled(kills)
    await sayGoodBye(connection)
    return results
  })
}

/** Connects and runs a function. Where it fails, or the signal says so, the connection is closed. */
async function withConnection<T>(
  driverOptions: ConnectionOptions,
  signal: AbortSignal,
  fn: (connection: RawConnection) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted()
  const connection = create(driverOptions)
  const abort = () => connection.stream.destroy(signal.reason as Error)
  signal.addEventListener('abort', abort)
  try {
    await connect(connection)
    return await fn(connection)
  } catch (error) {
    connection.stream.destroy()
    signal.throwIfAborted()
    throw setupError(error, connection.threadId)
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

function create(driverOptions: ConnectionOptions): RawConnection {
  const connection = mysql.createConnection({
    connectTimeout: 0, // the signal's business, unless the user wants it shorter
    ...driverOptions,
  }) as unknown as RawConnection
  hidePassword(connection)
  connection.on('error', () => undefined) // mysql2 emits again what it has told a callback
  return connection
}

function connect(connection: RawConnection): Promise<void> {
  return new Promise((resolve, reject) => {
    connection.connect((error) => {
      if (error) reject(connectError(error, connection))
      else resolve()
    })
  })
}

async function setUp(
  connection: RawConnection,
  options: ConnectOptions,
): Promise<OpenedConnection> {
  const { role, purge, ...facts } = await askServer(connection)
  const serverId = await askServerId(connection)
  const names = setNames(connection.config.charsetNumber) + purge
  const setup = sessionSetup({
    names,
    role: role === undefined ? undefined : quoteRole(role, facts.isMariaDB),
    isMariaDB: facts.isMariaDB,
    session: options.session,
  })
  const aroundGate: Asked = { addCommand: connection.addCommand.bind(connection) }
  const gate = new Gate(connection, { ...options, setup, serverId })
  await gate.runPlan(setupPlan(setup))
  if (options.session.length > 0) {
    await checkEscaping(aroundGate, gate.charsetNumber, connection.threadId)
  }
  return { gate, facts }
}

/** As Knex does: a password must not show where a connection is logged. */
function hidePassword({ config }: RawConnection): void {
  for (const key of ['password', 'password2', 'password3', 'passwordSha1']) {
    if (key in config) Object.defineProperty(config, key, { enumerable: false })
  }
}

interface Answers extends ServerFacts {
  /** The current role, null for none; undefined where the server knows no roles. */
  readonly role: string | null | undefined
  /** Assignments that purge what survives a reset, to follow others in one SET. */
  readonly purge: string
}

/**
 * What purges the statements that a server keeps for diagnosis, with their values: SHOW PROFILES
 * and information_schema.optimizer_trace survive a reset. MariaDB purges at the end of a statement,
 * so its limit stays at zero until someone raises it.
 */
const DIAGNOSIS = {
  mariadb: { limit: 'profiling_history_size', purge: ', profiling_history_size = 0' },
  mysql: {
    limit: 'optimizer_trace_limit',
    purge: ', optimizer_trace_limit = 0, optimizer_trace_limit = DEFAULT',
  },
} as const

/** When the server was started, never too early; by this process's monotonic clock. */
async function askStart(connection: RawConnection): Promise<number> {
  const [row] = await ask(connection, `SHOW GLOBAL STATUS LIKE 'Uptime'`)
  // Both ends were cut to whole seconds, so it may be one less.
  return performance.now() - (Number(row?.[1]) - 1) * 1_000
}

/** What tells a server from the others that an address may lead to. */
function askServerId(connection: RawConnection): Promise<string | null | undefined> {
  return askIfKnown(connection, `CONCAT_WS(' ', @@hostname, @@port, @@server_id)`)
}

async function askServer(connection: RawConnection): Promise<Answers> {
  const version = await askVersion(connection)
  const isMariaDB = /mariadb/i.test(version)
  const role = await askIfKnown(connection, 'CURRENT_ROLE()') // MySQL 5.7 has none
  return { version, isMariaDB, role, purge: await askPurge(connection, isMariaDB) }
}

/** What follows depends on the version: it is not guessed. */
async function askVersion(connection: RawConnection): Promise<string> {
  const [[version] = []] = await ask(connection, 'SELECT @@version')
  if (typeof version === 'string' && /^\d+\.\d+/.test(version)) return version
  throw new TenantKnexError(
    'ERR_SESSION_SETUP_FAILED',
    `The server's version is not understood: ${JSON.stringify(version)}. ` +
      'Check that `connection` leads to MySQL or MariaDB, and what a proxy answers to SELECT @@version.',
    { connectionId: connection.threadId, outcome: 'not-sent' },
  )
}

/** A server can be told to give another one's version: then the other one's limit is found. */
async function askPurge(connection: RawConnection, isMariaDB: boolean): Promise<string> {
  const { mariadb, mysql } = DIAGNOSIS
  for (const { limit, purge } of isMariaDB ? [mariadb, mysql] : [mysql, mariadb]) {
    if ((await askIfKnown(connection, `@@${limit}`)) !== undefined) return purge
  }
  return ''
}

/** The server knows no such variable; no such function, nor a database to look for one in. */
const UNKNOWN_NAME = [1193, 1305, 1046]

/**
 * A value that the server may not know of: undefined then. Any other error means that the server has
 * not said whether it does. SHOW VARIABLES would not do: after it a connection takes a megabyte more
 * of MySQL's memory for as long as it lives.
 */
async function askIfKnown(
  connection: RawConnection,
  expression: string,
): Promise<string | null | undefined> {
  try {
    const [row] = await ask(connection, `SELECT ${expression}`)
    return row?.[0]
  } catch (error) {
    if (UNKNOWN_NAME.includes(serverErrno(error) ?? 0)) return undefined
    throw error
  }
}

type Account = Omit<ServerReport, keyof ServerFacts | 'isTracked'>

async function askAccount(connection: RawConnection): Promise<Account> {
  const [row = []] = await ask(
    connection,
    `SELECT CURRENT_USER(), @@read_only, @@max_connections, @@max_user_connections, @@wait_timeout`,
  )
  const [name, readOnly, maxConnections, maxUserConnections, waitTimeout] = row
  const [open] = await ask(connection, `SHOW STATUS LIKE 'Threads_connected'`)
  const [user, host] = splitAccount(name)
  const account = `'${user}'@'${host}'`
  const privileges = await ask(
    connection,
    `SELECT privilege_type FROM information_schema.user_privileges
      WHERE grantee = ${mysql.escape(account)} AND privilege_type <> 'USAGE'`,
  )
  return {
    account,
    privileges: privileges.map(([privilege]) => String(privilege)).sort(),
    isReadOnly: readOnly !== '0' && readOnly !== 'OFF',
    maxConnections: Number(maxConnections),
    maxUserConnections: Number(maxUserConnections),
    openConnections: Number(open?.[1]),
    waitTimeoutSeconds: Number(waitTimeout),
  }
}

/** Both parts of what CURRENT_USER() gives; a user's name may hold an @, a host's cannot. */
function splitAccount(account: unknown): [user: string, host: string] {
  const text = String(account)
  const at = text.lastIndexOf('@')
  return [text.slice(0, at), text.slice(at + 1)]
}

/** MySQL answers a list that is quoted for SET ROLE already; MariaDB one bare name. */
function quoteRole(role: string | null, isMariaDB: boolean): string {
  if (role === null || role === 'NONE') return NO_ROLE
  return isMariaDB ? mysql.escapeId(role, true) : role
}

function connectError(error: Error, { config }: RawConnection): TenantKnexError {
  const where = config.socketPath ?? `${config.host}:${config.port}`
  const { code } = error as { code?: string }
  const why = code === undefined ? '' : ` (${code})`
  const details = { outcome: 'not-sent', cause: error } as const
  return serverErrno(error) === undefined
    ? new TenantKnexError(
        'ERR_SERVER_UNREACHABLE',
        `The database server at ${where} cannot be reached${why}. ` +
          'Check that it runs, and that the `connection` option names it.',
        details,
      )
    : new TenantKnexError(
        'ERR_SERVER_REFUSED',
        `The database server at ${where} refused a connection${why}. ` +
          'Check the account, its password, and how many connections the server allows.',
        details,
      )
}

function otherServerError(connectionId: number): TenantKnexError {
  return new TenantKnexError(
    'ERR_SERVER_UNREACHABLE',
    'A statement was not ended: a new connection leads to another server than the one it runs on.',
    { connectionId },
  )
}

function setupError(error: unknown, connectionId: number): unknown {
  if (error instanceof SwitchFailure) return switchError(error, undefined, connectionId)
  if (error instanceof TenantKnexError) return error
  if (serverErrno(error) !== undefined) return unansweredError(error, connectionId)
  return new TenantKnexError(
    'ERR_SERVER_UNREACHABLE',
    'A new connection was lost before its session was set up.',
    { connectionId, outcome: 'not-sent', cause: error },
  )
}

function unansweredError(cause: unknown, connectionId: number): TenantKnexError {
  return new TenantKnexError(
    'ERR_SESSION_SETUP_FAILED',
    'The server did not answer what a new connection asks it; `cause` has its error. ' +
      'Without the answer it is not known how to clean a session.',
    { connectionId, outcome: 'not-sent', cause },
  )
}
