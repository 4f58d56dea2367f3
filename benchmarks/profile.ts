/*
 * Where does the time of a statement go? One contender runs in a process of its own, and this prints the time
 * and the allocated bytes of its parts and functions. It has no baseline, so compare two runs. Arguments:
 * `--contender KEY` (default: tenant-knex), `--cell NAME` (default: long), `--raw SHARE`, `--options JSON`,
 * `--brief`.
 */
import { parseArgs } from 'node:util'
import { CONTENDER_KEYS, type Entry, OUR_ENTRIES } from './contenders/load.ts'
import { bytesTable, partsTable, timesTable } from './report/profile.ts'
import { type BenchServer, benchServers, type Field, withField } from './support/bench-server.ts'
import { isBrief } from './support/brief.ts'
import {
  cellOf,
  inTransactions,
  LONG_REQUESTS,
  MANY_TENANTS,
  ONE_TENANT,
  SHORT_REQUESTS,
  VISITS,
  withRaw,
} from './support/cells.ts'
import { type Cell, turnOf, warmUp } from './support/comparison.ts'
import { withEntrant } from './support/entrant.ts'
import type { Profile } from './support/profile.ts'
import { printTable } from './support/result.ts'

const MILLIS = isBrief ? 200 : 5_000

const CELLS: Readonly<Record<string, Cell>> = {
  one: ONE_TENANT,
  long: LONG_REQUESTS,
  short: SHORT_REQUESTS,
  visits: VISITS,
  many: MANY_TENANTS,
  transactions: inTransactions(LONG_REQUESTS),
}

const { values } = parseArgs({
  options: {
    contender: { type: 'string', default: 'tenant-knex' },
    cell: { type: 'string', default: 'long' },
    raw: { type: 'string', default: '0' },
    options: { type: 'string', multiple: true },
    brief: { type: 'boolean' },
  },
})
const cell = withRaw(cellNamed(values.cell), Number(values.raw))
const entries = entriesOf(values.contender)

for (const server of benchServers()) await withField(server, (field) => profileAll(server, field))

async function profileAll({ name }: BenchServer, field: Field): Promise<void> {
  for (const entry of entries) {
    const { title, profile } = await profileOf(field, entry)
    console.log(`profile of ${title}, ${values.cell}, on ${name} ${field.version}\n`)
    printTable(partsTable(profile))
    printTable(timesTable(profile))
    printTable(bytesTable(profile))
  }
}

async function profileOf(
  field: Field,
  entry: Entry,
): Promise<{ readonly title: string; readonly profile: Profile }> {
  const place = { databases: await field.databases(cell.tenants), poolMax: cell.poolMax }
  return withEntrant(field, entry, place, async (entrant) => {
    await warmUp(entrant, cell)
    const profile = await entrant.process.call('profile', turnOf(cell, 0, MILLIS))
    return { title: entrant.name, profile }
  })
}

function cellNamed(name: string): Cell {
  const found = CELLS[name]
  if (found) return cellOf(found)
  throw new Error(`There is no cell ${name}: ${Object.keys(CELLS).join(', ')}.`)
}

function entriesOf(key: string): readonly Entry[] {
  if (key === 'tenant-knex') return OUR_ENTRIES
  if (CONTENDER_KEYS.includes(key)) return [{ key: key as Entry['key'] }]
  throw new Error(`There is no contender ${key}: ${CONTENDER_KEYS.join(', ')}.`)
}
