import type { Cell, CellResult } from '../support/comparison.ts'
import { CELL_HEADINGS, describeCell, figure, ratio, type Table } from '../support/format.ts'
import { OURS } from '../support/names.ts'
import { oursOf, withSchemaOf } from './roles.ts'
import { withoutEmptyColumns } from './table.ts'

/** The results of `overhead.ts` or `mixes.ts` on one server. */
export interface CostsResult {
  readonly cells: readonly CellResult[]
}

const HEADINGS = [
  'statements per second',
  'of `withSchema`',
  'processor',
  'of the client',
  'p99',
  'switches per statement',
  'connections',
  '`withSchema`: statements per second',
]

/** One row for each cell: the cost of tenants, relative to plain Knex with the same requests. */
export function costsTable({ cells }: CostsResult): Table {
  return withoutEmptyColumns([
    ['statements', 'with', ...CELL_HEADINGS, ...HEADINGS],
    ...cells.flatMap(rowsOf),
  ])
}

function rowsOf({ cell, contenders }: CellResult): string[][] {
  const withSchema = withSchemaOf(contenders)
  return oursOf(contenders).map(({ name, ratios, ratiosToWithSchema, ...ours }) => [
    describeStatements(cell),
    name === OURS ? '' : name,
    ...describeCell(cell),
    ratio(ratios.throughput),
    ratiosToWithSchema ? ratio(ratiosToWithSchema.throughput) : '',
    ...[ratios.cpu, ratios.clientCpu, ratios.p99].map(ratio),
    figure(ours.switchesPerOperation),
    String(ours.connections),
    withSchema ? ratio(withSchema.ratios.throughput) : '',
  ])
}

function describeStatements({ raw, isTransaction }: Cell): string {
  if (isTransaction) return 'transactions'
  return raw === undefined ? '' : `${raw * 100} % raw`
}
