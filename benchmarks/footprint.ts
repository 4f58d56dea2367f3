/*
 * What do 10,000 tenants leave behind? Each is asked once, with one of many lists of columns, and then
 * what the process holds is compared with what it held before. Beside plain Knex, which is asked the
 * same in one database. Each has a process of its own.
 */
import { type FootprintResult, footprintTable } from './report/footprint.ts'
import type { Field } from './support/bench-server.ts'
import { isBrief } from './support/brief.ts'
import { type Footprint, footprintOf } from './support/footprint.ts'
import { onEachServer } from './support/on-each-server.ts'

const TENANTS = isBrief ? 60 : 10_000

await onEachServer('footprint', measure, footprintTable)

async function measure(field: Field): Promise<FootprintResult> {
  const footprints: Footprint[] = []
  for (const contender of ['plain', 'tenants'] as const) {
    footprints.push(await footprintOf(field, contender, TENANTS))
  }
  return { tenants: TENANTS, footprints }
}
