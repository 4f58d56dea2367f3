import type { CellResult } from '../support/comparison.ts'
import { CELL_HEADINGS, describeCell, figure, ratio, type Table } from '../support/format.ts'
import type { Summary } from '../support/summary.ts'

/** What was measured with so much delay. */
export interface DelayedCells {
  /** What the proxy was told, both ways together. */
  readonly millis: number
  /** What an answer took longer in truth: the median. */
  readonly addedMillis: number
  readonly cells: readonly CellResult[]
}

/** What `delay.ts` has measured on one server. */
export interface DelayResult {
  readonly delays: readonly DelayedCells[]
}

/** A row for each delay and cell: what tenants cost, of plain Knex with the same delay. */
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
