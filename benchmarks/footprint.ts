/*
 * How much memory do 10,000 tenants leave behind? Each is queried once, with one of many lists of columns.
 * Then the memory of the process is compared with the memory before. Plain Knex gets the same queries in one
 * database. Each runs in its own process.
 */
import { OUR_ENTRIES, PLAIN_KNEX } from './contenders/load.ts'
import { type FootprintResult, footprintTable } from './report/footprint.ts'
import type { Field } from './support/bench-server.ts'
import { isBrief } from './support/brief.ts'
import { type Footprint, footprintOf } from './support/footprint.ts'
import { onEachServer } from './support/on-each-server.ts'

const TENANTS = isBrief ? 60 : 10_000

await onEachServer('footprint', measure, footprintTable)

async function measure(field: Field): Promise<FootprintResult> {
  const footprints: Footprint[] = []
  for (const entry of [PLAIN_KNEX, ...OUR_ENTRIES]) {
    footprints.push(await footprintOf(field, entry, TENANTS))
  }
  return { tenants: TENANTS, footprints }
}
