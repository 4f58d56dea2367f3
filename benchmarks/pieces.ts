/*
 * How much does each piece gain? The same requests run with one piece turned off or set differently, and are
 * compared with plain Knex and with the defaults. Some cells have a server that is further away.
 */

import { type Entry, ours, PLAIN_KNEX, QUALIFIED_KNEX } from './contenders/load.ts'
import { type PiecesCell, piecesTable } from './report/pieces.ts'
import type { Field } from './support/bench-server.ts'
import { isBrief } from './support/brief.ts'
import { cellOf, LONG_REQUESTS, SHORT_REQUESTS, VISITS } from './support/cells.ts'
import { type Cell, compare } from './support/comparison.ts'
import { withDelay } from './support/delay.ts'
import { GIVEN_OPTIONS } from './support/given-options.ts'
import { assertRight, onEachServer } from './support/on-each-server.ts'

const DELAY_MILLIS = 0.5
const NEAR = isBrief ? [SHORT_REQUESTS] : [SHORT_REQUESTS, LONG_REQUESTS, VISITS]

const ALL_ENTRIES: readonly Entry[] = [
  PLAIN_KNEX,
  QUALIFIED_KNEX,
  ours('the defaults'),
  { key: 'without-affinity' },
  { key: 'without-widening' },
  { key: 'always-widening' },
  ours("switching: 'pipelined'", { switching: 'pipelined' }),
  ours("switching: 'roundtrip': no one write", { switching: 'roundtrip' }),
  ours("qualify: 'auto': no switch", { qualify: 'auto' }),
  ours("clean: 'always': one more at each release", { clean: 'always' }),
  ...GIVEN_OPTIONS.map((options) => ours(JSON.stringify(options), options)),
]
const ENTRIES = isBrief ? ALL_ENTRIES.slice(0, 4) : ALL_ENTRIES

await onEachServer('pieces', measure, piecesTable)

async function measure(field: Field): Promise<{ cells: PiecesCell[] }> {
  const cells: PiecesCell[] = []
  for (const cell of NEAR) {
    cells.push(await near(field, cell))
  }
  return { cells: isBrief ? cells : [...cells, await far(field, LONG_REQUESTS)] }
}

async function near(field: Field, cell: Cell): Promise<PiecesCell> {
  const result = assertRight(await compare(field, cellOf(cell), ENTRIES))
  return { delayMillis: 0, ...result }
}

async function far(field: Field, cell: Cell): Promise<PiecesCell> {
  return withDelay(await field.account(0), DELAY_MILLIS, async ({ host, port }) => {
    const way = { host, port }
    const result = assertRight(await compare(field, cellOf(cell), ENTRIES, way))
    return { delayMillis: DELAY_MILLIS, ...result }
  })
}
