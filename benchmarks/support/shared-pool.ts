import knex, { type Knex } from 'knex'
import type { Connection } from 'mysql2'
import type { OpenContender, Setting } from './contender.ts'
import { knexAccess } from './knex-access.ts'

/** Brings a connection to a database. It has failed where this fails: it is not used again. */
export type Prepare = (connection: Connection, database: string) => Promise<void>

/** A connection, and what Knex looks at when it asks whether one can still be used. */
type PooledConnection = Connection & { __knex__disposed?: unknown }

/**
 * A Knex for each tenant over one pool, by Knex's `connectionPool`: what is prepared for the tenant is
 * each connection that its Knex acquires.
 */
export function overSharedPool({ connection, poolMax }: Setting, prepare: Prepare): OpenContender {
  const owner = knex({ client: 'mysql2', connection, pool: { min: 0, max: poolMax } })
  const knexes = new Map<string, Knex>()
  const knexOf = (database: string): Knex => {
    const known = knexes.get(database)
    if (known) return known
    const made = knex({
      client: 'mysql2',
      connectionPool: preparing(owner.client.pool, (connection) => prepare(connection, database)),
    })
    knexes.set(database, made)
    return made
  }
  return { ...knexAccess(knexOf), close: () => owner.destroy() }
}

/** A pool to Knex, which prepares connections as it hands them out. */
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
    // It is not one tenant's to destroy.
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
