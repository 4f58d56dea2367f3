/*
 * What do tenants cost? It is compared with plain Knex with all data in one database, from 1 to 10,000
 * tenants. One parameter varies at a time, around two points: long requests with connections to spare, and
 * short ones with few connections. From 1,000 tenants on, Knex's `withSchema` is compared too. It shows the
 * cost of so many tables for any client.
 */
import { plainKnex } from './contenders/plain-knex.ts'
import { qualifiedKnex } from './contenders/qualified-knex.ts'
import { tenantKnex } from './contenders/tenant-knex.ts'
import { overheadTable } from './report/overhead.ts'
import type { Field } from './support/bench-server.ts'
import { isBrief } from './support/brief.ts'
import { cellsOf, LONG_REQUESTS, ONE_TENANT, SHORT_REQUESTS } from './support/cells.ts'
import { type Cell, type CellResult, compare } from './support/comparison.ts'
import { assertRight, onEachServer } from './support/on-each-server.ts'

const MANY = 1_000
const CONTENDERS = [plainKnex, tenantKnex()]

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
  { ...SHORT_REQUESTS, tenants: 10_000 },
  { ...LONG_REQUESTS, tenants: 10_000 },
  { ...LONG_REQUESTS, tenants: 10_000, popularity: 'uniform' },
]

await onEachServer('overhead', measure, overheadTable)

async function measure(field: Field): Promise<{ cells: CellResult[] }> {
  const cells: CellResult[] = []
  for (const cell of cellsOf(CELLS)) {
    const contenders = cell.tenants >= MANY || isBrief ? [...CONTENDERS, qualifiedKnex] : CONTENDERS
    cells.push(assertRight(await compare(field, cell, contenders)))
  }
  return { cells }
}
