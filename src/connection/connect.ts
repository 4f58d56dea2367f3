import mysql, { type ConnectionOptions, type RowDataPacket } from 'mysql2'
import { serverErrno, TenantKnexError } from '../errors.ts'
import { collationOf, type RawConnection } from './driver.ts'
import { Gate, type GateEvents } from './gate.ts'
import { type SessionSetup, setupPlan } from './switch-plan.ts'
import { SwitchFailure, switchError } from './switch-run.ts'

/** What a server says of itself. */
export interface ServerFacts {
  /** The server's variable `version`. */
  readonly version: string
  readonly isMariaDB: boolean
}

/** How connections to one server are opened. */
export interface ConnectOptions {
  readonly session: readonly string[]
  readonly switchTimeoutMillis: number
  readonly connectTimeoutMillis: number
  readonly events: GateEvents
}

/** A connection that belongs to nobody yet, behind its gate. */
export interface OpenedConnection {
  readonly gate: Gate
  readonly facts: ServerFacts
}

/**
 * Connects, asks the server what it is, and sets the session up.
 *
 * @throws `ERR_SERVER_UNREACHABLE`, `ERR_SERVER_REFUSED`, `ERR_SESSION_SETUP_FAILED`
 */
export async function openConnection(
  driverOptions: ConnectionOptions,
  options: ConnectOptions,
): Promise<OpenedConnection> {
  const connection = await connect(driverOptions, options.connectTimeoutMillis)
  try {
    const { role, purge, ...facts } = await askServer(connection, options.connectTimeoutMillis)
    const setup: SessionSetup = {
      names: setNames(connection.config.charsetNumber) + purge,
      role: role === undefined ? undefined : setRole(role, facts.isMariaDB),
      session: options.session,
    }
    const gate = new Gate(connection, { ...options, setup })
    await gate.runPlan(setupPlan(setup))
    return { gate, facts }
  } catch (error) {
    connection.stream.destroy()
    throw setupError(error, connection.threadId)
  }
}

/** Ends the statement that a connection is running, over a connection made for this alone. */
export async function killQuery(
  driverOptions: ConnectionOptions,
  connectionId: number,
  timeoutMillis: number,
): Promise<void> {
  const connection = await connect(driverOptions, timeoutMillis)
  try {
    await connection.promise().query({ sql: `KILL QUERY ${connectionId}`, timeout: timeoutMillis })
  } finally {
    connection.stream.destroy()
  }
}

function connect(driverOptions: ConnectionOptions, timeoutMillis: number): Promise<RawConnection> {
  return new Promise((resolve, reject) => {
    const connection = mysql.createConnection({
      connectTimeout: timeoutMillis,
      ...driverOptions,
    }) as unknown as RawConnection
    hidePassword(connection)
    connection.on('error', () => undefined) // mysql2 emits again what it has told a callback
    connection.connect((error) => {
      if (error) reject(connectError(error, connection))
      else resolve(connection)
    })
  })
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

async function askServer(connection: RawConnection, timeoutMillis: number): Promise<Answers> {
  const ask = async (sql: string): Promise<RowDataPacket[]> => {
    const [rows] = await connection
      .promise()
      .query<RowDataPacket[]>({ sql, timeout: timeoutMillis, rowsAsArray: false, typeCast: true })
    return rows
  }
  const limits = Object.values(DIAGNOSIS).map(({ limit }) => `'${limit}'`)
  const variables = await ask(
    `SHOW VARIABLES WHERE Variable_name IN ('version', ${limits.join(', ')})`,
  )
  const values = new Map(variables.map((row) => [row.Variable_name as string, row.Value as string]))
  const roles = await ask('SELECT CURRENT_ROLE() AS role').catch((error: unknown) => {
    if (serverErrno(error) === undefined) throw error
    return [] // MySQL 5.7 has no roles
  })
  const version = values.get('version') ?? ''
  const isMariaDB = /mariadb/i.test(version)
  const { limit, purge } = isMariaDB ? DIAGNOSIS.mariadb : DIAGNOSIS.mysql
  return { version, isMariaDB, role: roles[0]?.role, purge: values.has(limit) ? purge : '' }
}

function setNames(charsetNumber: number): string {
  const { charset, collation } = collationOf(charsetNumber)
  return charset === 'binary' ? 'SET NAMES binary' : `SET NAMES ${charset} COLLATE ${collation}`
}

/** MySQL answers a list that is quoted for SET ROLE already; MariaDB one bare name. */
function setRole(role: string | null, isMariaDB: boolean): string {
  if (role === null || role === 'NONE') return 'SET ROLE NONE'
  return isMariaDB ? `SET ROLE ${mysql.escapeId(role, true)}` : `SET ROLE ${role}`
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

function setupError(error: unknown, connectionId: number): unknown {
  if (error instanceof SwitchFailure) return switchError(error, undefined, connectionId)
  if (error instanceof TenantKnexError) return error
  return new TenantKnexError(
    'ERR_SERVER_UNREACHABLE',
    'A new connection was lost before its session was set up.',
    { connectionId, outcome: 'not-sent', cause: error },
  )
}
