import type { Footprint } from '../support/footprint.ts'
import { figure, type Table } from '../support/format.ts'

/** The results of `footprint.ts` on one server. */
export interface FootprintResult {
  readonly tenants: number
  readonly footprints: readonly Footprint[]
}

const MEGABYTE = 2 ** 20

/** One row for each contender. */
export function footprintTable({ footprints }: FootprintResult): Table {
  return [
    ['', 'sockets at most', 'pool', 'heap, MB more', 'resident, MB more'],
    ...footprints.map(({ name, sockets, poolMax, heapBytes, residentBytes }) => [
      name,
      String(sockets),
      String(poolMax),
      figure(heapBytes / MEGABYTE),
      figure(residentBytes / MEGABYTE),
    ]),
  ]
}
