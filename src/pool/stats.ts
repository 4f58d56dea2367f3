import type { SwitchMode } from '../base/session-modes.ts'
import type { ServerConnection } from '../connection/server-connection.ts'
import type { ResolvedOptions } from '../options/options.ts'
import type { PlainReport } from './hidden-code/plain-databases.ts'

/** Counts of a pool's work since it was created. */
export interface ServerCounters {
  /** Connections asked for. */
  acquires: number
  /** Acquires that found no idle connection, and waited. */
  waits: number
  /** Connections given back by tenants. */
  releases: number
  /** Connections opened, or tried to. */
  connects: number
  /** Switches sent: each makes a database the current one, for a tenant's statement. */
  switches: number
  /** Switches that also cleaned the session, because it was another tenant's. */
  handOvers: number
  /** Connections that came back with an open transaction or with autocommit off. */
  leftovers: number
  /** Connections closed, for whatever reason. */
  discards: number
  /** Calls of tenants that were refused, with nothing sent. */
  refusals: number
  /** Acquires that found no connection in time. */
  timeouts: number
}

/** One server's numbers. */
export interface ServerStats extends Readonly<ServerCounters> {
  /** Name of the server. */
  readonly server: string
  /** Connections allowed. */
  readonly max: number
  /** Connections open. */
  readonly connections: number
  readonly idle: number
  /** Held by a tenant, or being drained or cleaned. */
  readonly used: number
  /** Acquires that wait for a connection. */
  readonly waiting: number
  /** How the first statement follows a switch: the option `switching`. */
  readonly switching: SwitchMode
  /**
   * Whether the server names the current database in its answers. If it does not, a statement
   * that leaves the database is not noticed, and the database is selected anew at each acquire.
   * False also before the first connection.
   */
  readonly isTracked: boolean
  /**
   * What is known of the code in tenants' databases that were used lately: the option `qualify`. Undefined if
   * it is `'never'`.
   */
  readonly databases: PlainReport | undefined
}

/**
 * The state of a connection: idle; held by a tenant; reading the rest of an unwanted answer; having its
 * session cleaned; or being closed.
 */
export type ConnectionState = 'idle' | 'used' | 'draining' | 'cleaning' | 'closing'

/** One connection of a pool. */
export interface ConnectionInfo {
  /** Name of the server. */
  readonly server: string
  /** The server's own id of the connection, as in its process list. */
  readonly connectionId: number
  /** The tenant that holds the connection, or whose session it is; undefined if it is no tenant's. */
  readonly tenant: string | undefined
  /** The database the server confirmed last; undefined if it is in doubt. */
  readonly database: string | undefined
  readonly state: ConnectionState
  /** When the connection was last given out or taken back. */
  readonly since: Date
}

/** All counters at zero. */
export function newCounters(): ServerCounters {
  return {
    acquires: 0,
    waits: 0,
    releases: 0,
    connects: 0,
    switches: 0,
    handOvers: 0,
    leftovers: 0,
    discards: 0,
    refusals: 0,
    timeouts: 0,
  }
}

/** The connections of a pool, and those who wait for one. */
interface Lent {
  readonly size: number
  readonly numIdle: number
  readonly numUsed: number
  readonly waiting: number
  idle(): ServerConnection[]
  used(): ServerConnection[]
}

/** The numbers of a server's pool. */
export function serverStats(
  server: string,
  { pool, switching }: Pick<ResolvedOptions, 'pool' | 'switching'>,
  lent: Lent,
  counters: ServerCounters,
  databases: PlainReport | undefined,
): ServerStats {
  const { size, numIdle, numUsed, waiting } = lent
  const isTracked = [...lent.idle(), ...lent.used()].some((connection) => connection.isTracked)
  return {
    server,
    ...counters,
    max: pool.max,
    connections: size,
    idle: numIdle,
    used: numUsed,
    waiting,
    switching,
    isTracked,
    databases,
  }
}

/** Describes a connection of the pool. */
export function connectionInfo(
  connection: ServerConnection,
  state: ConnectionState,
): ConnectionInfo {
  return {
    server: connection.server,
    connectionId: connection.connectionId,
    tenant: (connection.holder?.place ?? connection.state.owner)?.tenant.id,
    database: connection.state.database,
    state,
    since: new Date(performance.timeOrigin + connection.usedAt),
  }
}
