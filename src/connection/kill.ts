import type { ConnectionOptions } from 'mysql2'
import { TenantKnexError } from '../base/errors.ts'
import { withRawConnection } from './raw-connection.ts'
import { askServerId, askStart } from './server-facts.ts'
import { ask } from './wire/ask.ts'
import { sayGoodBye } from './wire/driver.ts'

/** A connection whose statement is to be ended. */
export interface KillTarget {
  readonly connectionId: number
  /** Which server it is, as the server says; ids are a server's own. */
  readonly serverId: string | null | undefined
  /** By this process's monotonic clock, in milliseconds. */
  readonly openedAt: number
  /** True if the connection must end together with the statement, so that nothing behind it runs. */
  readonly isKilledWhole: boolean
}

/**
 * Ends the statements that connections are running, over a connection made for this alone. A connection
 * that was opened before the server started is left alone: the server has counted its connections anew
 * since, and the id can be another client's. The same is true of a connection to another server, which a
 * new connection may reach after a failover.
 *
 * @returns a result for each target. Rejected: with the server's error, or with
 * `ERR_SERVER_UNREACHABLE` for a connection to another server
 */
export async function killQueries(
  driverOptions: ConnectionOptions,
  targets: readonly KillTarget[],
  signal: AbortSignal,
): Promise<PromiseSettledResult<void>[]> {
  return withRawConnection(driverOptions, signal, async (connection) => {
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

function otherServerError(connectionId: number): TenantKnexError {
  return new TenantKnexError(
    'ERR_SERVER_UNREACHABLE',
    'A statement was not ended: a new connection leads to another server than the one it runs on.',
    { connectionId },
  )
}
