/** White space and comments that may stand before a statement; `/*!` opens code, not a comment. */
const LEADING = /^(?:\s|;|--[^\n]*(?:\n|$)|#[^\n]*(?:\n|$)|\/\*(?!M?!)[\s\S]*?\*\/)*/
const USE = /^(?:\/\*M?!\d*\s*)?use\b/i
const SESSION_TRACKING =
  /session_track_(?:schema|state_change|system_variables|transaction_info|gtids)/i
const TRANSACTION_END = /^\s*(?:commit|rollback(?:\s+to\s+savepoint\s+\w+)?)\s*;?\s*$/i

/**
 * Why a statement's text must not be sent at all, or undefined. Only what the server's own answers
 * could not tell of later is looked for: leaving the database, which is told, is refused early for
 * the clearer error; switching the telling off is refused because nothing else would notice.
 */
export function refusalOf(sql: string, values?: unknown): string | undefined {
  if (SESSION_TRACKING.test(sql) || namesTracking(sql, values)) {
    return 'it mentions session tracking, by which the server confirms the current database'
  }
  const start = LEADING.exec(sql)?.[0].length ?? 0
  if (USE.test(sql.slice(start, start + 32))) {
    return 'USE would leave the database of the tenant. Take the bound Knex of the other tenant'
  }
  return undefined
}

/** True where a name is put in by `??` that would have been found in the text. */
function namesTracking(sql: string, values: unknown): boolean {
  if (!sql.includes('??') || !Array.isArray(values)) return false
  return values.flat().some((value) => typeof value === 'string' && SESSION_TRACKING.test(value))
}

/** True for the statements that end a transaction and touch no table. */
export function isTransactionEnd(sql: string | undefined): boolean {
  return sql !== undefined && sql.length < 100 && TRANSACTION_END.test(sql)
}

/** True for ROLLBACK, also to a savepoint. */
export function isRollback(sql: string | undefined): boolean {
  return sql !== undefined && /^\s*ROLLBACK\b/i.test(sql)
}
