/*
 * How fast are the other ways to reach tenants' databases over one pool? Each runs in its own process, in turns
 * with plain Knex, which has all rows in one database. Pools for each of many tenants cannot live beside others, see
 * resources.ts. For a few tenants they can, and show the cost of this library if nothing switches.
 */
import { type Entry, MAIN_ENTRIES, SHARING } from './contenders/load.ts'
import { type AlternativesResult, alternativesTable } from './report/alternatives.ts'
import type { Field } from './support/bench-server.ts'
import { isBrief } from './support/brief.ts'
import { cellOf, cellsOf, LONG_REQUESTS, SHORT_REQUESTS, VISITS } from './support/cells.ts'
import { type Cell, type CellResult, compare } from './support/comparison.ts'
import { assertRight, onEachServer } from './support/on-each-server.ts'

const MANY_TENANTS: readonly Cell[] = [
  SHORT_REQUESTS,
  { ...SHORT_REQUESTS, poolMax: 50 },
  { ...LONG_REQUESTS, poolMax: 10 },
  LONG_REQUESTS,
]

/** Users who come back, and a connection for each tenant. */
const FEW_TENANTS: Cell = { ...VISITS, tenants: 40 }

const KNEX_PER_TENANT: Entry = { key: 'knex-per-tenant-tuned' }

await onEachServer('alternatives', measure, alternativesTable)

async function measure(field: Field): Promise<AlternativesResult> {
  const cells: CellResult[] = []
  for (const cell of isBrief ? [] : cellsOf(MANY_TENANTS))
    cells.push(await compare(field, cell, SHARING))
  cells.push(await compare(field, cellOf(FEW_TENANTS), [...SHARING, KNEX_PER_TENANT]))
  // The table shows errors of the other ways.
  for (const { cell, contenders } of cells) {
    assertRight({ cell, contenders: contenders.slice(0, MAIN_ENTRIES.length) })
  }
  return { cells }
}
