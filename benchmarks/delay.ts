/*
 * What do tenants cost if the server is further away? It is compared with plain Knex and with Knex's
 * `withSchema`. All use a proxy that delays all data, half of the time each way. A statement that leaves in one write with its switch needs no
 * extra round trip. A second variant shows the cost with that round trip.
 */
import { MAIN_ENTRIES, WITH_ROUND_TRIPS } from './contenders/load.ts'
import { type DelayedCells, delayTable } from './report/delay.ts'
import type { Field } from './support/bench-server.ts'
import { isBrief } from './support/brief.ts'
import { cellsOf, LONG_REQUESTS, ONE_TENANT, SHORT_REQUESTS } from './support/cells.ts'
import { type Cell, type CellResult, compare } from './support/comparison.ts'
import { withDelay } from './support/delay.ts'
import { assertRight, onEachServer } from './support/on-each-server.ts'

const DELAYS_MILLIS = isBrief ? [0.5] : [0.5, 2]
const ENTRIES = [...MAIN_ENTRIES, WITH_ROUND_TRIPS]

const CELLS: readonly Cell[] = [
  ONE_TENANT,
  SHORT_REQUESTS,
  { ...SHORT_REQUESTS, concurrency: 64, poolMax: 50 },
  LONG_REQUESTS,
  { ...LONG_REQUESTS, concurrency: 64 },
]

await onEachServer('delay', measure, delayTable)

async function measure(field: Field): Promise<{ delays: DelayedCells[] }> {
  const delays: DelayedCells[] = []
  for (const millis of DELAYS_MILLIS) {
    const connection = await field.account(0)
    const delayed = await withDelay(connection, millis, async ({ addedMillis, ...way }) => {
      const cells: CellResult[] = []
      for (const cell of cellsOf(isBrief ? [SHORT_REQUESTS] : CELLS)) {
        cells.push(assertRight(await compare(field, cell, ENTRIES, way)))
      }
      return { millis, addedMillis, cells }
    })
    delays.push(delayed)
  }
  return { delays }
}
