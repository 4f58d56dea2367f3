import { createLRU } from 'lru.min'
import { isPlainQuery } from './statement-effects.ts'
import { findTableNames } from './table-names.ts'

/**
 * A statement's text in parts. With the name of a database between them, the text names the database of each
 * table.
 */
export type TextParts = readonly string[]

/** How many texts are remembered. An application has few: values are not a part of them. */
const MAX_TEXTS = 1_000

/** Longer texts, such as of a long list of rows, are read anew each time. */
const MAX_REMEMBERED_LENGTH = 4_096

/** Texts that are longer still are not read: a switch costs less. */
const MAX_LENGTH = 1_000_000

/** Verdicts, for all tenants together. */
const known = createLRU<string, TextParts | null>({ max: MAX_TEXTS })

/**
 * The parts of a statement that means the same in whatever database its connection is, once each table's
 * database is named. Undefined for any other statement.
 *
 * @param sql the text, with placeholders for values
 */
export function selfContained(sql: string): TextParts | undefined {
  if (sql.length > MAX_REMEMBERED_LENGTH) return read(sql)
  let parts = known.get(sql)
  if (parts === undefined) {
    parts = read(sql) ?? null
    known.set(sql, parts)
  }
  return parts ?? undefined
}

function read(sql: string): TextParts | undefined {
  if (sql.length > MAX_LENGTH || !isPlainQuery(sql)) return undefined
  const tables = findTableNames(sql)
  return tables && [0, ...tables].map((from, at) => sql.slice(from, tables[at]))
}
