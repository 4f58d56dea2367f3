import { Lease } from '../connection/lease.ts'
import { type StatementNature, UNKNOWN_STATEMENT } from '../connection/sender.ts'
import { selfContained } from '../connection/session/self-contained.ts'
import type { SessionUse } from '../connection/session/state.ts'
import { arePlainValues, cannotCommit } from '../connection/session/statement-effects.ts'
import { isRollback } from '../connection/session/statement-text.ts'
import type { ServerPool } from '../pool/server-pool.ts'
import { poolOf } from './binding.ts'
import type { QueryObject } from './dialect.ts'

interface Client {
  readonly transacting?: boolean | undefined
}

/** The facts about a statement that are known before it is sent. */
export function natureOf(
  client: Client,
  lease: Lease,
  query: QueryObject | string,
): StatementNature {
  if (typeof query === 'string') return UNKNOWN_STATEMENT
  if (query.method === undefined) return natureOfTransaction(client, lease, query)
  const { trustsTexts, databases } = poolOf(client)
  const isBuilt = BUILT.has(query.method)
  const isTold = trustsTexts && tellsAll(query)
  const common = isBuilt && isTold ? natureOfCommon(client, lease, query.sql, databases) : undefined
  if (common) return common
  const isAsked = client.transacting === true || databases !== undefined
  const isOfRows = isAsked && isTold && cannotCommit(query.sql)
  return { isBuilt, session: 'own', definesNothing: isOfRows, cannotCommit: isOfRows }
}

/**
 * The nature of a self-contained statement, if the tenant's database has no hidden code; undefined for any
 * other statement. If user code holds the connection, its next statement may ask for a trace of this one.
 */
function natureOfCommon(
  client: Client,
  lease: Lease,
  sql: string,
  databases: ServerPool['databases'],
): StatementNature | undefined {
  if (!(lease.canBeCommon && (client.transacting || lease.isForOneQuery))) return undefined
  const plainness = databases?.plainness(lease.place.database)
  const parts = plainness && selfContained(sql)
  if (parts === undefined) return undefined
  return {
    isBuilt: true,
    session: 'common',
    parts,
    plainness,
    definesNothing: true,
    cannotCommit: true,
  }
}

/** The nature of a statement with which Knex begins or ends a transaction. */
function natureOfTransaction(client: Client, lease: Lease, { sql }: QueryObject): StatementNature {
  const pool = poolOf(client)
  const isBegin = sql === 'BEGIN;'
  const isKnown =
    pool.trustsTexts && (isBegin || sql === 'COMMIT;' || PART_OF_TRANSACTION.test(sql))
  // A BEGIN commits the open transaction of a connection, so it counts only if there is none.
  const commits = isBegin ? lease.isInTransaction !== false : sql === 'COMMIT;'
  return {
    isBuilt: isBegin,
    session: isKnown ? sessionOfTransaction(pool, lease, sql) : 'own',
    definesNothing: isKnown,
    cannotCommit: client.transacting === true && isKnown && !commits,
  }
}

function sessionOfTransaction(pool: ServerPool, lease: Lease, sql: string): SessionUse {
  if (!lease.canBeCommon || sql.startsWith('SET')) return 'own'
  if (sql !== 'BEGIN;') return 'common'
  return pool.databases?.isPlain(lease.place.database) ? 'begin' : 'own'
}

/** True if a statement's text tells all: its values are plain, and it has no options for the driver. */
function tellsAll({ bindings, options }: QueryObject): boolean {
  for (const _ in options) return false
  return arePlainValues(Array.isArray(bindings) ? bindings : [bindings])
}

/**
 * Statements that Knex itself sends in a transaction and that commit nothing
 * (lib/execution/transaction.js).
 */
const PART_OF_TRANSACTION =
  /^(?:SET TRANSACTION [A-Z ]+;|(?:RELEASE )?SAVEPOINT trx\d+;|ROLLBACK(?: TO SAVEPOINT trx\d+)?)$/i

/** How a statement of Knex ends the transaction. Knex sends nothing more in it. */
export function endOf(query: QueryObject | string): 'commit' | 'rollback' | undefined {
  if (typeof query === 'string' || query.method !== undefined) return undefined
  if (query.sql === 'COMMIT;') return 'commit'
  return query.sql === 'ROLLBACK' ? 'rollback' : undefined
}

/** Knex's methods whose statements the query builder makes. */
const BUILT = new Set(['counter', 'del', 'first', 'insert', 'pluck', 'select', 'update'])

/**
 * True for a ROLLBACK on a lost connection: the server has already rolled back. If ROLLBACK failed instead,
 * Knex would report its `not-sent` error in place of the error that tells the transaction's outcome.
 */
export function isRolledBack(connection: unknown, query: QueryObject | string): boolean {
  if (!(connection instanceof Lease && connection.isClosed)) return false
  // A user's own `trx.raw('ROLLBACK')` has a method, Knex's ROLLBACK does not.
  return typeof query === 'object' && query.method === undefined && isRollback(query.sql)
}
