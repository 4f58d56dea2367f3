import { Lease } from '../connection/lease.ts'
import { type StatementNature, UNKNOWN_STATEMENT } from '../connection/sender.ts'
import { cannotCommit, isHarmless } from '../connection/session/statement-effects.ts'
import { isRollback } from '../connection/session/statement-text.ts'
import { poolOf } from './binding.ts'
import type { QueryObject } from './dialect.ts'

/** The facts about a statement that are known before it is sent. */
export function natureOf(
  client: { readonly transacting?: boolean | undefined },
  lease: Lease,
  query: QueryObject | string,
): StatementNature {
  if (typeof query === 'string') return UNKNOWN_STATEMENT
  const { trustsHarmless, trustsTexts } = poolOf(client)
  const isFollowed = client.transacting === true && trustsTexts
  return {
    isBuilt: isBuilt(query),
    isHarmless: trustsHarmless && tells(query, isHarmless),
    cannotCommit: isFollowed && (tells(query, cannotCommit) || isPartOf(lease, query)),
  }
}

/**
 * Applies a check to a statement's text. False if there are driver options, because they can change the text.
 */
function tells(
  { sql, bindings, options }: QueryObject,
  isSaidBy: (sql: string, values: readonly unknown[]) => boolean,
): boolean {
  const hasOptions = Object.keys(options ?? {}).length > 0
  return !hasOptions && isSaidBy(sql, Array.isArray(bindings) ? bindings : [bindings])
}

/**
 * Statements that Knex itself sends in a transaction and that commit nothing
 * (lib/execution/transaction.js).
 */
const PART_OF_TRANSACTION =
  /^(?:SET TRANSACTION [A-Z ]+;|(?:RELEASE )?SAVEPOINT trx\d+;|ROLLBACK(?: TO SAVEPOINT trx\d+)?)$/i

/** A BEGIN commits the open transaction of a connection, so it counts only if there is none. */
function isPartOf(lease: Lease, { method, sql }: QueryObject): boolean {
  if (method !== undefined) return false
  return PART_OF_TRANSACTION.test(sql) || (sql === 'BEGIN;' && lease.isInTransaction === false)
}

/** How a statement of Knex ends the transaction. Knex sends nothing more in it. */
export function endOf(query: QueryObject | string): 'commit' | 'rollback' | undefined {
  if (typeof query === 'string' || query.method !== undefined) return undefined
  if (query.sql === 'COMMIT;') return 'commit'
  return query.sql === 'ROLLBACK' ? 'rollback' : undefined
}

/** Knex's methods whose statements the query builder makes. */
const BUILT = new Set(['counter', 'del', 'first', 'insert', 'pluck', 'select', 'update'])

/** True for a statement that the query builder made, and for the BEGIN of a transaction. */
function isBuilt(query: QueryObject): boolean {
  return query.method === undefined ? query.sql === 'BEGIN;' : BUILT.has(query.method)
}

/**
 * True for a ROLLBACK on a lost connection: the server has already rolled back. If ROLLBACK failed instead,
 * Knex would report its `not-sent` error in place of the error that tells the transaction's outcome.
 */
export function isRolledBack(connection: unknown, query: QueryObject | string): boolean {
  if (!(connection instanceof Lease && connection.isClosed)) return false
  // A user's own `trx.raw('ROLLBACK')` has a method, Knex's ROLLBACK does not.
  return typeof query === 'object' && query.method === undefined && isRollback(query.sql)
}
