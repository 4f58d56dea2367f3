import knex, { type Knex } from 'knex'
import type { Connection } from 'mysql2'
import type { OpenContender, Setting } from './contender.ts'
import { knexAccess } from './knex-access.ts'

/** Switches a connection to a database. If it fails, the connection is not used again. */
export type Prepare = (connection: Connection, database: string) => Promise<void>

/** A connection with the property that tells Knex if it can still be used. */
type PooledConnection = Connection & { __knex__disposed?: unknown }

/**
 * One Knex for each tenant over one pool. Each acquired connection is prepared for the tenant. The pool is
 * set on each client, because Knex 3.0 has no option `connectionPool`.
 */
export function overSharedPool({ connection, poolMax }: Setting, prepare: Prepare): OpenContender {
  const owner = knex({ client: 'mysql2', connection, pool: { min: 0, max: poolMax } })
  const knexes = new Map<string, Knex>()
  const knexOf = (database: string): Knex => {
    const known = knexes.get(database)
    if (known) return known
    const made = knex({ client: 'mysql2' })
    made.client.pool = preparing(owner.client.pool, (connection) => prepare(connection, database))
    knexes.set(database, made)
    return made
  }
  return { ...knexAccess(knexOf), close: () => owner.destroy() }
}

/** A pool for Knex that prepares each connection before it gives it out. */
function preparing(
  pool: knex.KnexPool<PooledConnection>,
  prepare: (connection: Connection) => Promise<void>,
) {
  return {
    acquire() {
      const pending = pool.acquire()
      return { promise: prepared(pool, pending.promise, prepare), abort: () => pending.abort() }
    },
    release: (connection: PooledConnection) => pool.release(connection),
    // The pool does not belong to one tenant.
    destroy: async () => undefined,
    numUsed: () => pool.numUsed(),
    numFree: () => pool.numFree(),
    numPendingAcquires: () => pool.numPendingAcquires(),
  }
}

async function prepared(
  pool: knex.KnexPool<PooledConnection>,
  acquired: Promise<PooledConnection>,
  prepare: (connection: Connection) => Promise<void>,
): Promise<PooledConnection> {
  const connection = await acquired
  try {
    await prepare(connection)
    return connection
  } catch (error) {
    connection.__knex__disposed = error
    pool.release(connection)
    throw error
  }
}
