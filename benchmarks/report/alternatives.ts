import type { CellResult } from '../support/comparison.ts'
import { describeCell, figure, ratio, type Table } from '../support/format.ts'
import { withoutEmptyColumns } from './table.ts'

/** The results of `alternatives.ts` on one server. */
export interface AlternativesResult {
  readonly cells: readonly CellResult[]
}

/** One row for each cell and contender. Ratios are to plain Knex in the same cell. */
export function alternativesTable({ cells }: AlternativesResult): Table {
  return withoutEmptyColumns([
    [
      'requests',
      '',
      'statements per second',
      'of `withSchema`',
      'processor here',
      'processor of the server',
      'p50, ms',
      'p95',
      'p99',
      'switches per statement',
      'connections',
      'wrong rows',
      'errors',
    ],
    ...cells.flatMap(rowsOf),
  ])
}

function rowsOf({ cell, contenders }: CellResult): string[][] {
  const [tenants, popularity, queries, clients, pool] = describeCell(cell)
  const requests = `${tenants} tenants ${popularity}, ${queries} per request, ${clients} clients, pool of ${pool}`
  return contenders.map(({ name, ratios, ratiosToWithSchema, latency, ...counted }, index) => [
    index === 0 ? requests : '',
    name,
    ratio(ratios.throughput),
    ratiosToWithSchema ? ratio(ratiosToWithSchema.throughput) : '',
    ratio(ratios.clientCpu),
    ratios.serverCpu ? ratio(ratios.serverCpu) : '',
    figure(latency.p50),
    figure(latency.p95),
    figure(latency.p99),
    figure(counted.switchesPerOperation),
    String(counted.connections),
    String(counted.wrongRows),
    String(counted.errors),
  ])
}
