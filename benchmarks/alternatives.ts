/*
 * How fast are the other ways to reach tenants' databases over one pool? Each beside plain Knex with
 * all in one database, in turns of one run. Pools for each tenant do not fit beside others: see
 * resources.ts.
 */
import { loadContender, SHARING } from './contenders/load.ts'
import { type AlternativesResult, alternativesTable } from './report/alternatives.ts'
import type { Field } from './support/bench-server.ts'
import { cellsOf, LONG_REQUESTS, SHORT_REQUESTS } from './support/cells.ts'
import { type Cell, type CellResult, compare } from './support/comparison.ts'
import { assertRight, onEachServer } from './support/on-each-server.ts'

const CELLS: readonly Cell[] = [
  SHORT_REQUESTS,
  { ...SHORT_REQUESTS, poolMax: 50 },
  { ...LONG_REQUESTS, poolMax: 10 },
  LONG_REQUESTS,
]

await onEachServer('alternatives', measure, alternativesTable)

async function measure(field: Field): Promise<AlternativesResult> {
  const contenders = await Promise.all(SHARING.map(loadContender))
  const cells: CellResult[] = []
  for (const cell of cellsOf(CELLS)) {
    const compared = await compare(field, cell, contenders)
    // What the others do wrong is in the table.
    assertRight({ cell, contenders: compared.contenders.slice(0, 2) })
    cells.push(compared)
  }
  return { cells }
}
