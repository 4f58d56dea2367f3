import mysql, { type ConnectionOptions } from 'mysql2'
import { type ConnectOptions, setUp } from './open.ts'
import { withRawConnection } from './raw-connection.ts'
import type { ServerFacts } from './server-facts.ts'
import { ask } from './wire/ask.ts'
import type { RawConnection } from './wire/driver-types.ts'

/** A server's facts about itself and the account. */
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
 * Connects as the pool does, asks the questions of a readiness probe, and closes the connection.
 *
 * @throws as `openConnection`
 */
export async function inspectServer(
  driverOptions: ConnectionOptions,
  options: ConnectOptions,
  signal: AbortSignal,
): Promise<ServerReport> {
  return withRawConnection(driverOptions, signal, async (raw) => {
    const account = await askAccount(raw)
    const { connection, facts } = await setUp(raw, options)
    await connection.close()
    return { ...facts, ...account, isTracked: connection.isTracked === true }
  })
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

/** Both parts of an account. A user's name may hold an @, a host's cannot. */
function splitAccount(account: unknown): [user: string, host: string] {
  const text = String(account)
  const at = text.lastIndexOf('@')
  return [text.slice(0, at), text.slice(at + 1)]
}
