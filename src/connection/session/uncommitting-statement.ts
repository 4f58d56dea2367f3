import { isPlainValue } from './harmless-statement.ts'

/*
 * Which statements cannot commit. Too many can: those for tables do so also if they fail, and a
 * procedure can, or a second statement in the same text. So this goes by what cannot, and in doubt a
 * statement can.
 */

/** Neither server lets a trigger or a stored function commit, so these cannot bring it along. */
const ROWS = /^\(*(?:select|insert|update|delete|replace|with)\b/i

/**
 * True for one statement that reads or writes rows.
 *
 * @param sql the text, with placeholders for values
 * @param values plain values become literals, others may become any text
 */
export function cannotCommit(sql: string, values: readonly unknown[]): boolean {
  return ROWS.test(sql) && !sql.includes(';') && values.every(isPlainValue)
}
