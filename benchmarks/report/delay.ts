import type { CellResult } from '../support/comparison.ts'
import { CELL_HEADINGS, describeCell, figure, ratio, type Table } from '../support/format.ts'
import type { Summary } from '../support/summary.ts'

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

/** One row for each delay and cell: the cost of tenants, relative to plain Knex with the same delay. */
export function delayTable({ delays }: DelayResult): Table {
  const headings = ['statements per second', 'p99', 'switches per statement']
  const slow = 'with a round trip for each switch: statements per second'
  return [
    ['delay', ...CELL_HEADINGS, ...headings, slow],
    ...delays.flatMap(({ millis, addedMillis, cells }) =>
      cells.map(({ cell, contenders }) => {
        const [, ours, roundTrips] = contenders as [Summary, Summary, Summary]
        return [
          `${millis} ms (${figure(addedMillis, 3)})`,
          ...describeCell(cell),
          ...[ours.ratios.throughput, ours.ratios.p99].map(ratio),
          figure(ours.switchesPerOperation),
          ratio(roundTrips.ratios.throughput),
        ]
      }),
    ),
  ]
}
