import mysql from 'mysql2'
import { serverErrno, TenantKnexError } from '../base/errors.ts'
import { NO_ROLE } from './session/setup.ts'
import { type Asked, ask } from './wire/ask.ts'
import type { RawConnection } from './wire/driver-types.ts'

/*
 * The questions that a new connection asks its server. The facts that the server does not tell are not
 * guessed.
 */

/** A server's facts about itself. */
export interface ServerFacts {
  /** The server's variable `version`. */
  readonly version: string
  readonly isMariaDB: boolean
}

/** The server's answers that set a session up. */
interface Answers extends ServerFacts {
  /** The current role, null for none; undefined if the server knows no roles. */
  readonly role: string | null | undefined
  /** Assignments that purge what survives a reset, to follow others in one SET. */
  readonly purge: string
}

/**
 * Assignments that purge the statements which a server keeps for diagnosis, with their values: SHOW
 * PROFILES and information_schema.optimizer_trace survive a reset. MariaDB purges at the end of a
 * statement, so its limit stays at zero until someone raises it.
 */
const DIAGNOSIS = {
  mariadb: { limit: 'profiling_history_size', purge: ', profiling_history_size = 0' },
  mysql: {
    limit: 'optimizer_trace_limit',
    purge: ', optimizer_trace_limit = 0, optimizer_trace_limit = DEFAULT',
  },
} as const

/** Asks for everything that the setup of a session depends on. */
export async function askServer(connection: RawConnection): Promise<Answers> {
  const version = await askVersion(connection)
  const isMariaDB = /mariadb/i.test(version)
  const role = await askIfKnown(connection, 'CURRENT_ROLE()') // MySQL 5.7 has none
  return { version, isMariaDB, role, purge: await askPurge(connection, isMariaDB) }
}

/** All other questions depend on the version: it is not guessed. */
export async function askVersion(connection: RawConnection): Promise<string> {
  const [[version] = []] = await ask(connection, 'SELECT @@version')
  if (typeof version === 'string' && /^\d+\.\d+/.test(version)) return version
  throw new TenantKnexError(
    'ERR_SESSION_SETUP_FAILED',
    `The server's version is not understood: ${JSON.stringify(version)}. ` +
      'Check that `connection` leads to MySQL or MariaDB, and what a proxy answers to SELECT @@version.',
    { connectionId: connection.threadId, outcome: 'not-sent' },
  )
}

/** A server can be told to give another one's version. Then it has the other one's limit. */
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
 * Asks for a value that the server may not know: undefined then. After any other error we do not know
 * whether the server does. Not by SHOW VARIABLES: after that a connection takes a megabyte more of
 * MySQL's memory for as long as it lives.
 */
export async function askIfKnown(
  connection: Asked,
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

/** True if the session keeps statements with their values for diagnosis. Its next holder could read them. */
export async function keepsStatements(connection: Asked): Promise<boolean> {
  const profiling = await askIfKnown(connection, '@@profiling')
  const trace = await askIfKnown(connection, '@@optimizer_trace')
  return Number(profiling ?? 0) !== 0 || /enabled=on/i.test(trace ?? '')
}

/** When the server was started, by this process's monotonic clock. Rather too late than too early. */
export async function askStart(connection: RawConnection): Promise<number> {
  const [row] = await ask(connection, `SHOW GLOBAL STATUS LIKE 'Uptime'`)
  // Both ends were cut to whole seconds, so it may be one less.
  return performance.now() - (Number(row?.[1]) - 1) * 1_000
}

/** Tells a server from the others that an address may lead to. */
export function askServerId(connection: RawConnection): Promise<string | null | undefined> {
  return askIfKnown(connection, `CONCAT_WS(' ', @@hostname, @@port, @@server_id)`)
}

/** Quotes a role for SET ROLE. MySQL answers a list that is quoted already, MariaDB one bare name. */
export function quoteRole(role: string | null, isMariaDB: boolean): string {
  if (role === null || role === 'NONE') return NO_ROLE
  return isMariaDB ? mysql.escapeId(role, true) : role
}
