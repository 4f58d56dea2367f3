import mysql, { type ConnectionOptions } from 'mysql2'
import { serverErrno, TenantKnexError } from '../base/errors.ts'
import { SwitchFailure, switchError } from './switch/errors.ts'
import type { RawConnection } from './wire/driver-types.ts'

/**
 * Connects and runs a function. If the function fails, or the signal aborts it, the connection is closed.
 *
 * @throws `ERR_SERVER_UNREACHABLE`, `ERR_SERVER_REFUSED`, `ERR_SESSION_SETUP_FAILED`
 */
export async function withRawConnection<T>(
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
    connectTimeout: 0, // the signal ends the attempt, unless the user sets a shorter time
    ...driverOptions,
  }) as unknown as RawConnection
  hidePassword(connection)
  connection.on('error', () => undefined) // mysql2 emits each error that a callback has got, too
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

/** A password must not show when a connection is logged. Knex does the same. */
function hidePassword({ config }: RawConnection): void {
  for (const key of ['password', 'password2', 'password3', 'passwordSha1']) {
    if (key in config) Object.defineProperty(config, key, { enumerable: false })
  }
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
