/*
 * What do tenants cost? It is compared with plain Knex with all data in one database, from 1 to 10,000
 * tenants. One parameter varies at a time, around two points: long requests with connections to spare, and
 * short ones with few connections. Knex's `withSchema` is compared too. It shows the cost of so many tables
 * for any client.
 */
import { MAIN_ENTRIES } from './contenders/load.ts'
import { type CostsResult, costsTable } from './report/costs.ts'
import type { Field } from './support/bench-server.ts'
import {
  cellsOf,
  LONG_REQUESTS,
  MANY_TENANTS,
  ONE_TENANT,
  SHORT_REQUESTS,
  VISITS,
} from './support/cells.ts'
import { type Cell, type CellResult, compare } from './support/comparison.ts'
import { assertRight, onEachServer } from './support/on-each-server.ts'

/** Ordered by the number of tenants, because databases are made when they are needed. */
const CELLS: readonly Cell[] = [
  ONE_TENANT,
  { ...LONG_REQUESTS, tenants: 1 },
  { ...SHORT_REQUESTS, tenants: 10 },
  { ...LONG_REQUESTS, tenants: 10 },
  { ...SHORT_REQUESTS, tenants: 100 },
  { ...LONG_REQUESTS, tenants: 100 },
  { ...LONG_REQUESTS, tenants: 100, popularity: 'uniform' },
  SHORT_REQUESTS,
  { ...SHORT_REQUESTS, popularity: 'uniform' },
  { ...SHORT_REQUESTS, concurrency: 4 },
  { ...SHORT_REQUESTS, concurrency: 64 },
  { ...SHORT_REQUESTS, poolMax: 50 },
  LONG_REQUESTS,
  { ...LONG_REQUESTS, popularity: 'uniform' },
  { ...LONG_REQUESTS, concurrency: 4 },
  { ...LONG_REQUESTS, concurrency: 64 },
  { ...LONG_REQUESTS, poolMax: 10 },
  VISITS,
  { ...SHORT_REQUESTS, tenants: 10_000 },
  MANY_TENANTS,
  { ...MANY_TENANTS, popularity: 'uniform' },
]

await onEachServer('overhead', measure, costsTable)

async function measure(field: Field): Promise<CostsResult> {
  const cells: CellResult[] = []
  for (const cell of cellsOf(CELLS)) {
    cells.push(assertRight(await compare(field, cell, MAIN_ENTRIES)))
  }
  return { cells }
}
