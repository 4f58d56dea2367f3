/*
 * What do tenants cost if statements are not the query builder's, or come in transactions? The same clients
 * send more and more raw SQL, or transactions with three statements. Plain Knex and Knex's `withSchema` send
 * the same beside them.
 */
import { MAIN_ENTRIES } from './contenders/load.ts'
import { type CostsResult, costsTable } from './report/costs.ts'
import type { Field } from './support/bench-server.ts'
import {
  cellsOf,
  inTransactions,
  LONG_REQUESTS,
  SHORT_REQUESTS,
  VISITS,
  withRaw,
} from './support/cells.ts'
import { type Cell, type CellResult, compare } from './support/comparison.ts'
import { assertRight, onEachServer } from './support/on-each-server.ts'

const SHARES = [1, 0.5, 0.1, 0]

/** With `--brief` the first and the last run: raw SQL, and transactions. */
const CELLS: readonly Cell[] = [
  ...[SHORT_REQUESTS, LONG_REQUESTS, VISITS].flatMap((cell) =>
    SHARES.map((raw) => withRaw(cell, raw)),
  ),
  ...[SHORT_REQUESTS, LONG_REQUESTS].map(inTransactions),
]

await onEachServer('mixes', measure, costsTable)

async function measure(field: Field): Promise<CostsResult> {
  const cells: CellResult[] = []
  for (const cell of cellsOf(CELLS)) {
    cells.push(assertRight(await compare(field, cell, MAIN_ENTRIES)))
  }
  return { cells }
}
