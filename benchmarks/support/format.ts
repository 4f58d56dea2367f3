import type { Cell } from './comparison.ts'
import type { Quartiles } from './statistics.ts'

/** Rows of a Markdown table, the first of which is the heading. */
export type Table = readonly (readonly string[])[]

/** A median with its quartiles, to two decimal places. */
export function ratio({ lower, median, upper }: Quartiles): string {
  const [low, middle, high] = [lower, median, upper].map((value) => value.toFixed(2))
  return `${middle} (${low}–${high})`
}

/** A number to so many significant digits, with separators for thousands. */
export function figure(value: number | undefined, digits = 2): string {
  if (value === undefined) return ''
  return Number(value.toPrecision(digits)).toLocaleString('en', { maximumFractionDigits: 4 })
}

/** Headings of what {@link describeCell} gives. */
export const CELL_HEADINGS: readonly string[] = [
  'tenants',
  'asked for',
  'statements per request',
  'clients',
  'pool',
]

/** A cell, a word for each heading. */
export function describeCell(cell: Cell): string[] {
  const { tenants, popularity, queriesPerRequest, concurrency, poolMax } = cell
  const counts = [queriesPerRequest, concurrency, poolMax].map(String)
  return [figure(tenants, 5), popularity, ...counts]
}
