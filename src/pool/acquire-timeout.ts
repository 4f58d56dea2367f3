import knex from 'knex'
import { brand } from '../base/brand.ts'
import { BRAND } from '../base/errors.ts'
import type { ServerConnection } from '../connection/server-connection.ts'
import type { Place } from '../tenants/place.ts'

const TIMEOUT_BRAND: unique symbol = Symbol.for('tenant-knex.acquire-timeout') as never

/** A connection that is held. */
export interface HeldConnection {
  /** Id of the tenant that holds it. */
  readonly tenant: string
  /** The server's own id of the connection, as in its process list. */
  readonly connectionId: number
  /** For how long, in milliseconds. */
  readonly heldMillis: number
  readonly isInTransaction: boolean
}

/** The numbers of a pool at the moment an acquire timed out. */
export interface PoolNumbers {
  readonly total: number
  readonly used: number
  /** Of those used, the tenant's own. */
  readonly own: number
  /** Of the tenant's own, those in a transaction. */
  readonly inTransaction: number
  readonly idle: number
  readonly waiting: number
  /** Connections that the pool may have: `pool.max`. */
  readonly max: number
  /** Connections that the tenant may hold of them now: see `pool.maxPerTenant`. */
  readonly limit: number
  /** The connection that is held the longest; undefined if none is held. */
  readonly longestHeld: HeldConnection | undefined
}

/**
 * No connection became free in time (`ERR_ACQUIRE_TIMEOUT`). It is a `KnexTimeoutError`, so code
 * that tests for Knex's class, or its name, goes on working.
 */
export class AcquireTimeoutError extends knex.KnexTimeoutError {
  readonly code: 'ERR_ACQUIRE_TIMEOUT' = 'ERR_ACQUIRE_TIMEOUT'
  readonly outcome: 'not-sent' = 'not-sent'
  readonly connectionId: undefined
  readonly server: string
  readonly tenant: string
  readonly database: string
  readonly pool: PoolNumbers

  constructor(place: Place, pool: PoolNumbers, waitedMillis: number, cause?: unknown) {
    super(
      `No connection for tenant ${JSON.stringify(place.tenant.id)} within ${waitedMillis} ms: ` +
        `${pool.total} total, ${pool.used} used (${pool.own} by this tenant), ${pool.idle} idle, ` +
        `${pool.waiting} waiting. ${holderOf(pool)}${likelyMistake(place.tenant.id, pool)}`,
    )
    this.server = place.server
    this.tenant = place.tenant.id
    this.database = place.database
    this.pool = pool
    if (cause !== undefined) this.cause = cause
  }
}
brand(AcquireTimeoutError, TIMEOUT_BRAND, BRAND)

/** A pool at that moment. */
export interface PoolMoment {
  readonly waiting: number
  idle(): ServerConnection[]
  used(): ServerConnection[]
}

/** The numbers of a pool, for a place whose acquire timed out. */
export function numbersOf(
  { tenant }: Place,
  pool: PoolMoment,
  limits: Pick<PoolNumbers, 'max' | 'limit'>,
): PoolNumbers {
  const [idle, used] = [pool.idle(), pool.used()]
  const own = used.filter(({ holder }) => holder?.tenant.id === tenant.id)
  return {
    total: idle.length + used.length,
    used: used.length,
    own: own.length,
    inTransaction: own.filter(isInTransaction).length,
    idle: idle.length,
    waiting: pool.waiting,
    ...limits,
    longestHeld: longestHeld(used),
  }
}

function longestHeld(connections: readonly ServerConnection[]): HeldConnection | undefined {
  const held = connections.filter(({ holder }) => holder !== undefined)
  const [connection] = held.sort((one, other) => one.usedAt - other.usedAt)
  return (
    connection?.holder && {
      tenant: connection.holder.tenant.id,
      connectionId: connection.connectionId,
      heldMillis: performance.now() - connection.usedAt,
      isInTransaction: isInTransaction(connection),
    }
  )
}

/** As the server says. If its last answer was an error, Knex's mark on the lease decides. */
function isInTransaction({ isInTransaction, holder }: ServerConnection): boolean {
  return isInTransaction ?? holder?.__knexTxId !== undefined
}

/** Names the first suspect. */
function holderOf({ longestHeld, max }: PoolNumbers): string {
  if (longestHeld === undefined) return ''
  const { tenant, connectionId, heldMillis, isInTransaction } = longestHeld
  const which = max === 1 ? 'The one connection' : 'The one that is held the longest'
  const where = isInTransaction ? 'in a transaction' : 'in no transaction'
  return (
    `${which} (${connectionId}) is held by tenant ${JSON.stringify(tenant)} for ` +
    `${Math.round(heldMillis)} ms, ${where}. `
  )
}

/** A tenant whose transactions hold all its connections waits for itself. */
function likelyMistake(id: string, { own, inTransaction, max, limit }: PoolNumbers): string {
  if (inTransaction === 0 || inTransaction < Math.max(own, limit)) {
    return (
      'The pool is probably full, or what one tenant may hold of it (`pool.maxPerTenant`). ' +
      'Are you missing a .transacting(trx) call, or a commit?'
    )
  }
  const where = ['in a transaction', 'both in transactions'][own - 1] ?? 'all in transactions'
  return (
    `${id} may hold ${limit} of ${max} connections now and holds ${own}, ${where}; ` +
    'is a query outside its trx? See `pool.maxPerTenant`.'
  )
}
