/*
 * How much does each piece gain? The same requests run with one piece turned off or set differently, and are
 * compared with plain Knex and with the defaults. Some cells have a server that is further away.
 */
import {
  alwaysWidening,
  withoutAffinity,
  withoutWidening,
} from './contenders/changed-tenant-knex.ts'
import { plainKnex } from './contenders/plain-knex.ts'
import { tenantKnex } from './contenders/tenant-knex.ts'
import { type PiecesCell, piecesTable } from './report/pieces.ts'
import type { Field } from './support/bench-server.ts'
import { cellOf, LONG_REQUESTS, SHORT_REQUESTS, VISITS } from './support/cells.ts'
import { type Cell, compare } from './support/comparison.ts'
import { withDelay } from './support/delay.ts'
import { assertRight, onEachServer } from './support/on-each-server.ts'

const DELAY_MILLIS = 0.5

const CONTENDERS = [
  plainKnex,
  tenantKnex('the defaults'),
  withoutAffinity,
  withoutWidening,
  alwaysWidening,
  tenantKnex("switching: 'pipelined'", { switching: 'pipelined' }),
  tenantKnex("switching: 'roundtrip': no one write", { switching: 'roundtrip' }),
  tenantKnex("clean: 'when-dirty': no reset", { clean: 'when-dirty' }),
  tenantKnex("clean: 'always': one more at each release", { clean: 'always' }),
]

await onEachServer('pieces', measure, piecesTable)

async function measure(field: Field): Promise<{ cells: PiecesCell[] }> {
  return {
    cells: [
      await near(field, SHORT_REQUESTS),
      await near(field, LONG_REQUESTS),
      await near(field, VISITS),
      await far(field, LONG_REQUESTS),
    ],
  }
}

async function near(field: Field, cell: Cell): Promise<PiecesCell> {
  const result = assertRight(await compare(field, cellOf(cell), CONTENDERS))
  return { delayMillis: 0, ...result }
}

async function far(field: Field, cell: Cell): Promise<PiecesCell> {
  return withDelay(await field.account(0), DELAY_MILLIS, async ({ host, port }) => {
    const way = { host, port }
    const result = assertRight(await compare(field, cellOf(cell), CONTENDERS, way))
    return { delayMillis: DELAY_MILLIS, ...result }
  })
}
