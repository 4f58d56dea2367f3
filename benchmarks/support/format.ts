import type { Cell } from './comparison.ts'
import type { Quartiles } from './statistics.ts'

/** Rows of a Markdown table. The first one is the heading. */
export type Table = readonly (readonly string[])[]

/** A median with its quartiles, to two decimal places. */
export function ratio({ lower, median, upper }: Quartiles): string {
  const [low, middle, high] = [lower, median, upper].map((value) => value.toFixed(2))
  return `${middle} (${low}–${high})`
}

/** A number with this many significant digits and separators for thousands. */
export function figure(value: number | undefined, digits = 2): string {
  if (value === undefined) return ''
  return Number(value.toPrecision(digits)).toLocaleString('en', { maximumFractionDigits: 4 })
}

/** The headings for {@link describeCell}. */
export const CELL_HEADINGS: readonly string[] = [
  'tenants',
  'asked for',
  'statements per request',
  'clients',
  'pool',
]

/** The parameters of a cell, one for each heading. */
export function describeCell(cell: Cell): string[] {
  const { tenants, popularity, queriesPerRequest, concurrency, poolMax } = cell
  const counts = [queriesPerRequest, concurrency, poolMax].map(String)
  return [figure(tenants, 5), popularity, ...counts]
}
