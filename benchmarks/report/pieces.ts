import type { CellResult } from '../support/comparison.ts'
import { describeCell, figure, ratio, type Table } from '../support/format.ts'

/** The results of one cell with one delay. */
export interface PiecesCell extends CellResult {
  readonly delayMillis: number
}

/** The results of `pieces.ts` on one server. */
export interface PiecesResult {
  readonly cells: readonly PiecesCell[]
}

/** One row for each cell and contender, relative to plain Knex in the same cell. */
export function piecesTable({ cells }: PiecesResult): Table {
  return [
    ['requests', 'with', 'statements per second', 'processor', 'p99', 'switches per statement'],
    ...cells.flatMap(({ cell, delayMillis, contenders }) =>
      contenders
        .slice(1)
        .map(({ name, ratios, switchesPerOperation }, index) => [
          index === 0 ? describeRequests({ cell, delayMillis }) : '',
          name,
          ratio(ratios.throughput),
          ratio(ratios.cpu),
          ratio(ratios.p99),
          figure(switchesPerOperation),
        ]),
    ),
  ]
}

function describeRequests({ cell, delayMillis }: Omit<PiecesCell, 'contenders'>): string {
  const [tenants, popularity, queries, clients, pool] = describeCell(cell)
  const delay = delayMillis > 0 ? `, ${delayMillis} ms away` : ''
  return (
    `${tenants} tenants ${popularity}, ${queries} per request, ${clients} clients, ` +
    `pool of ${pool}${delay}`
  )
}
