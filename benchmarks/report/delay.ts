import type { CellResult } from '../support/comparison.ts'
import { CELL_HEADINGS, describeCell, figure, ratio, type Table } from '../support/format.ts'
import { OURS, ROUND_TRIPS } from '../support/names.ts'
import type { Summary } from '../support/summary.ts'
import { named, oursOf, withSchemaOf } from './roles.ts'
import { withoutEmptyColumns } from './table.ts'

/** The results with one delay. */
export interface DelayedCells {
  /** The proxy's delay, both ways together, in milliseconds. */
  readonly millis: number
  /** The measured delay of an answer, in milliseconds: the median. */
  readonly addedMillis: number
  readonly cells: readonly CellResult[]
}

/** The results of `delay.ts` on one server. */
export interface DelayResult {
  readonly delays: readonly DelayedCells[]
}

const HEADINGS = [
  'statements per second',
  'of `withSchema`',
  'p99',
  'switches per statement',
  'with a round trip for each switch: statements per second',
  '`withSchema`: statements per second',
]

/** One row for each delay and cell: the cost of tenants, relative to plain Knex with the same delay. */
export function delayTable({ delays }: DelayResult): Table {
  return withoutEmptyColumns([
    ['delay', 'with', ...CELL_HEADINGS, ...HEADINGS],
    ...delays.flatMap((delayed) =>
      delayed.cells.flatMap((result) =>
        rowsOf(result).map((row) => [describeDelay(delayed), ...row]),
      ),
    ),
  ])
}

function rowsOf({ cell, contenders }: CellResult): string[][] {
  const roundTrips = named(contenders, ROUND_TRIPS)
  const withSchema = withSchemaOf(contenders)
  return oursOf(contenders).map(({ name, ratios, ratiosToWithSchema, switchesPerOperation }) => [
    name === OURS ? '' : name,
    ...describeCell(cell),
    ratio(ratios.throughput),
    ratiosToWithSchema ? ratio(ratiosToWithSchema.throughput) : '',
    ratio(ratios.p99),
    figure(switchesPerOperation),
    throughputOf(roundTrips),
    throughputOf(withSchema),
  ])
}

function describeDelay({ millis, addedMillis }: DelayedCells): string {
  return `${millis} ms (${figure(addedMillis, 3)})`
}

function throughputOf(contender: Summary | undefined): string {
  return contender ? ratio(contender.ratios.throughput) : ''
}
