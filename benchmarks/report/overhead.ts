import type { CellResult } from '../support/comparison.ts'
import { CELL_HEADINGS, describeCell, figure, ratio, type Table } from '../support/format.ts'
import type { Summary } from '../support/summary.ts'

/** The results of `overhead.ts` on one server. */
export interface OverheadResult {
  readonly cells: readonly CellResult[]
}

/** One row for each cell: the cost of tenants, relative to plain Knex. */
export function overheadTable({ cells }: OverheadResult): Table {
  const headings = ['statements per second', 'processor', 'p99', 'switches per statement']
  return [
    [...CELL_HEADINGS, ...headings, '`withSchema`: statements per second'],
    ...cells.map(({ cell, contenders }) => {
      const [, ours, qualified] = contenders as [Summary, Summary, Summary | undefined]
      const { throughput, cpu, p99 } = ours.ratios
      return [
        ...describeCell(cell),
        ...[throughput, cpu, p99].map(ratio),
        figure(ours.switchesPerOperation),
        qualified ? ratio(qualified.ratios.throughput) : '',
      ]
    }),
  ]
}
