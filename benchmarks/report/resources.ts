import type { Cell } from '../support/comparison.ts'
import { figure, ratio, type Table } from '../support/format.ts'
import type { Resources } from '../support/resources.ts'

/** What `resources.ts` has measured on one server. */
export interface ResourcesResult {
  readonly cell: Cell
  readonly contenders: readonly Resources[]
}

const MEGABYTE = 2 ** 20

/** A row for each contender. */
export function resourcesTable({ contenders }: ResourcesResult): Table {
  return [
    [
      '',
      'statements per second, of plain Knex',
      'connections',
      'statements per second and connection',
      'process, MB',
      'of it heap, MB more',
      'server for its connections, MB',
      'statements per second and MB',
      'first statement of a tenant, ms: p50',
      'p99',
      'errors',
      'wrong rows',
    ],
    ...contenders.map(row),
  ]
}

function row({ summary, held, serverBytes, first }: Resources): string[] {
  const { connections, operationsPerSecond } = summary
  const perSecond = operationsPerSecond.median
  const megabytes = (held.residentBytes + serverBytes) / MEGABYTE
  return [
    summary.name,
    ratio(summary.ratios.throughput),
    String(connections),
    figure(perSecond / connections),
    figure(held.residentBytes / MEGABYTE, 3),
    figure(held.heapBytes / MEGABYTE),
    figure(serverBytes / MEGABYTE),
    figure(perSecond / megabytes),
    figure(first.p50),
    figure(first.p99),
    summary.errors === 0 ? '0' : `${summary.errors}: ${summary.firstError}`,
    String(summary.wrongRows),
  ]
}
