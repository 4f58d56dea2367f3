import { writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { startOwnServers } from '../../test/support/own-server.ts'
import { CELLS } from './cells.ts'
import { type Row, table } from './report.ts'
import { type Cell, type Tried, tryCell } from './run-cell.ts'
import { World } from './world.ts'

const RESULTS = new URL('./results.md', import.meta.url)

const USAGE = `usage: npm run faults -- [--repetitions N] [--only TEXT]

Tries every fault in every phase on servers of its own, N times each (3 by default), and writes
results.md beside this file. With --only, just the cells with this text in their titles; their
table is printed, and not written.`

const { values } = parseArgs({
  options: {
    repetitions: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
    help: { type: 'boolean', default: false },
  },
})
const repetitions = Number(values.repetitions)
if (values.help || !(repetitions >= 1)) {
  console.error(USAGE)
  process.exit(values.help ? 0 : 2)
}

const since = Date.now()
const { servers, stop } = await startOwnServers()
const rows: Row[] = []
try {
  for (const server of servers) rows.push(...(await tryOn(new World(server))))
  const versions = await Promise.all(servers.map((server) => versionOf(new World(server))))
  const text = page(versions.join(', '))
  console.log(text)
  if (!values.only) writeFileSync(RESULTS, text)
} finally {
  await stop()
}
const failures = rows.flatMap((row) => row.failures)
process.exit(failures.length > 0 ? 1 : 0)

async function tryOn(world: World): Promise<Row[]> {
  const rows: Row[] = []
  for (const cell of CELLS) {
    const { name } = world.server
    if (cell.only && cell.only !== name) continue
    if (!`${cell.fault}, ${cell.phase}, on ${name}`.includes(values.only)) continue
    rows.push(await tryOften(world, cell))
  }
  return rows
}

async function tryOften(world: World, cell: Cell): Promise<Row> {
  const { name } = world.server
  const tried: Tried[] = []
  const failures: string[] = []
  for (let count = 0; count < repetitions; count++) {
    try {
      tried.push(await tryCell(world, cell))
    } catch (error) {
      const { message } = error as Error
      failures.push(message)
      console.error(`FAILED: ${cell.fault}, ${cell.phase}, on ${name}\n${message}`)
    }
  }
  console.error(`${cell.fault}, ${cell.phase}, on ${name}: ${tried.length} of ${repetitions}`)
  return { cell, server: name, tried, failures }
}

async function versionOf(world: World): Promise<string> {
  const [row] = await world.sql('SELECT VERSION() AS version')
  return `${world.server.name} ${row?.version}`
}

function page(versions: string): string {
  const tries = rows.reduce((sum, { tried, failures }) => sum + tried.length + failures.length, 0)
  const failed = rows.reduce((sum, { failures }) => sum + failures.length, 0)
  const calls = rows.flatMap(({ tried }) => tried.flatMap(({ labels }) => labels)).length
  return `# Faults

What callers got when things broke: ${tries} tries of ${CELLS.length} cells, ${calls} calls, ${failed} failed tries.
${versions}; Node ${process.versions.node}; ${cpus().length} cores; ${Math.round((Date.now() - since) / 1000)} s. Made by \`npm run faults -- --repetitions ${repetitions}\`.

In every try that did not fail: each call settled, within all limits together and Knex's own five seconds for a ROLLBACK; its \`outcome\` agreed with the data; no row of a tenant's was seen or
changed by another; the pool served all tenants within five seconds of the end of the fault; nothing was left open, and no error uncaught.
"Recovery" is from the end of the fault to the first time that all tenants got their rows: median (and maximum).

${table(rows)}
`
}
