import type { Cell } from '../support/comparison.ts'
import { figure, ratio, type Table } from '../support/format.ts'
import type { Resources } from '../support/resources.ts'

/** The results of `resources.ts` on one server. */
export interface ResourcesResult {
  readonly cell: Cell
  readonly contenders: readonly Resources[]
}

const MEGABYTE = 2 ** 20

/** One row for each contender. */
export function resourcesTable({ contenders }: ResourcesResult): Table {
  return [
    [
      '',
      'statements per second, of plain Knex',
      'connections',
      'per connection, of plain Knex',
      'process, MB',
      'of it heap, MB more',
      'server for its connections, MB',
      'per MB, of plain Knex',
      'first statement of a tenant, ms: p50',
      'p99',
      'errors',
      'wrong rows',
    ],
    ...contenders.map((each) => row(each, contenders[0] as Resources)),
  ]
}

function row(each: Resources, plain: Resources): string[] {
  const { summary, held, serverBytes, first } = each
  const throughput = summary.ratios.throughput
  const perConnection = plain.summary.connections / summary.connections
  return [
    summary.name,
    ratio(throughput),
    String(summary.connections),
    figure(throughput.median * perConnection),
    figure(held.residentBytes / MEGABYTE, 3),
    figure(held.heapBytes / MEGABYTE),
    figure(serverBytes / MEGABYTE),
    figure((throughput.median * bytesOf(plain)) / bytesOf(each)),
    figure(first.p50),
    figure(first.p99),
    summary.errors === 0 ? '0' : `${summary.errors}: ${summary.firstError}`,
    String(summary.wrongRows),
  ]
}

/** In this process and at the server. */
function bytesOf({ held, serverBytes }: Resources): number {
  return held.residentBytes + serverBytes
}
