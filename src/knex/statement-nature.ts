import { Lease } from '../connection/lease.ts'
import { type StatementNature, UNKNOWN_STATEMENT } from '../connection/sender.ts'
import { cannotCommit, isHarmless } from '../connection/session/statement-effects.ts'
import { isRollback } from '../connection/session/statement-text.ts'
import { poolOf } from './binding.ts'
import type { QueryObject } from './dialect.ts'

/** What is known of a statement before it is sent. */
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

/** Whether a text says so of its statement. Options of the driver's can change the text. */
function tells(
  { sql, bindings, options }: QueryObject,
  isSaidBy: (sql: string, values: readonly unknown[]) => boolean,
): boolean {
  const hasOptions = Object.keys(options ?? {}).length > 0
  return !hasOptions && isSaidBy(sql, Array.isArray(bindings) ? bindings : [bindings])
}

/** What Knex itself sends in a transaction, but for its end (lib/execution/transaction.js). */
const PART_OF_TRANSACTION =
  /^(?:SET TRANSACTION [A-Z ]+;|(?:RELEASE )?SAVEPOINT trx\d+;|ROLLBACK(?: TO SAVEPOINT trx\d+)?)$/i

/** A BEGIN commits what is under way on the connection: there may be an outer transaction. */
function isPartOf(lease: Lease, { method, sql }: QueryObject): boolean {
  if (method !== undefined) return false
  return PART_OF_TRANSACTION.test(sql) || (sql === 'BEGIN;' && lease.isInTransaction === false)
}

/** The end that Knex gives a transaction. It sends nothing more in there. */
export function endOf(query: QueryObject | string): 'commit' | 'rollback' | undefined {
  if (typeof query === 'string' || query.method !== undefined) return undefined
  if (query.sql === 'COMMIT;') return 'commit'
  return query.sql === 'ROLLBACK' ? 'rollback' : undefined
}

/** What Knex calls the statements that a query builder makes. */
const BUILT = new Set(['counter', 'del', 'first', 'insert', 'pluck', 'select', 'update'])

/** True for a statement of the query builder's own, and for the BEGIN of a transaction. */
function isBuilt(query: QueryObject): boolean {
  return query.method === undefined ? query.sql === 'BEGIN;' : BUILT.has(query.method)
}

/**
 * A lost connection's transaction is rolled back by the server. Where ROLLBACK failed instead, Knex
 * would give its error, `not-sent`, in place of the one that says what became of the transaction.
 */
export function isRolledBack(connection: unknown, query: QueryObject | string): boolean {
  if (!(connection instanceof Lease && connection.isClosed)) return false
  // A user's own `trx.raw('ROLLBACK')` has a method; Knex's has not.
  return typeof query === 'object' && query.method === undefined && isRollback(query.sql)
}
