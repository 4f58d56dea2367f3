/** White space and comments that may stand before a statement; `/*!` opens code, not a comment. */
const LEADING = /^(?:\s|;|--[^\n]*(?:\n|$)|#[^\n]*(?:\n|$)|\/\*(?!M?!)[\s\S]*?\*\/)*/
const USE = /^(?:\/\*M?!\d*\s*)?use\b/i
const SESSION_TRACKING = /session_track/i
const TRANSACTION_END = /^\s*(?:commit|rollback(?:\s+to\s+savepoint\s+\w+)?)\s*;?\s*$/i

/**
 * Why a statement's text must not be sent at all, or undefined. Only what the server's own answers
 * could not tell of later is looked for: leaving the database, which is told, is refused early for
 * the clearer error; switching the telling off is refused because nothing else would notice.
 */
export function refusalOf(sql: string): string | undefined {
  if (SESSION_TRACKING.test(sql)) {
    return 'it mentions session tracking, by which the server confirms the current database'
  }
  const start = LEADING.exec(sql)?.[0].length ?? 0
  if (USE.test(sql.slice(start, start + 32))) {
    return 'USE would leave the database of the tenant. Take the bound Knex of the other tenant'
  }
  return undefined
}

/** True for the statements that end a transaction and touch no table. */
export function isTransactionEnd(sql: string | undefined): boolean {
  return sql !== undefined && sql.length < 100 && TRANSACTION_END.test(sql)
}
