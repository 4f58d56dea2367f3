import type { Table } from '../support/format.ts'

/** A table without the columns that have a heading and nothing else. */
export function withoutEmptyColumns(table: Table): Table {
  const [heading = [], ...body] = table
  const isUsed = heading.map((_, column) => body.some((row) => row[column] !== ''))
  return table.map((row) => row.filter((_, column) => isUsed[column]))
}
