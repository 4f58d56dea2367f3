import type { CellResult } from '../support/comparison.ts'
import { describeCell, figure, ratio, type Table } from '../support/format.ts'
import { withoutEmptyColumns } from './table.ts'

/** The results of one cell with one delay. */
export interface PiecesCell extends CellResult {
  readonly delayMillis: number
}

/** The results of `pieces.ts` on one server. */
export interface PiecesResult {
  readonly cells: readonly PiecesCell[]
}

const HEADINGS = [
  'statements per second',
  'of `withSchema`',
  'processor',
  'p99',
  'switches per statement',
]

/** One row for each cell and contender, relative to plain Knex in the same cell. */
export function piecesTable({ cells }: PiecesResult): Table {
  return withoutEmptyColumns([
    ['requests', 'with', ...HEADINGS],
    ...cells.flatMap(({ cell, delayMillis, contenders }) =>
      contenders
        .slice(1)
        .map(({ name, ratios, ratiosToWithSchema, ...counted }, index) => [
          index === 0 ? describeRequests({ cell, delayMillis }) : '',
          name,
          ratio(ratios.throughput),
          ratiosToWithSchema ? ratio(ratiosToWithSchema.throughput) : '',
          ratio(ratios.cpu),
          ratio(ratios.p99),
          figure(counted.switchesPerOperation),
        ]),
    ),
  ])
}

function describeRequests({ cell, delayMillis }: Omit<PiecesCell, 'contenders'>): string {
  const [tenants, popularity, queries, clients, pool] = describeCell(cell)
  const delay = delayMillis > 0 ? `, ${delayMillis} ms away` : ''
  return (
    `${tenants} tenants ${popularity}, ${queries} per request, ${clients} clients, ` +
    `pool of ${pool}${delay}`
  )
}
