/*
 * Runs the benchmarks that need a database server, each in its own process, on each server in turn. Then
 * updates tables and plots. Arguments: names of benchmarks (default: all), `--brief`, and `--options JSON` once
 * or more often: then this library runs with each of these options, and nothing is written.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { type BenchServer, benchServers } from './support/bench-server.ts'
import { dropDatabases } from './support/data.ts'
import { isTrial } from './support/given-options.ts'

const BENCHMARKS = [
  'goals',
  'overhead',
  'mixes',
  'delay',
  'pieces',
  'footprint',
  'alternatives',
  'resources',
  'leaks',
  'neighbours',
]
/** First the plots, because the tables' page shows the existing plots. */
const REPORTS = ['plots', 'tables']

const { positionals: asked } = parseArgs({
  options: { brief: { type: 'boolean' }, options: { type: 'string', multiple: true } },
  allowPositionals: true,
})
const flags = process.argv.slice(2).filter((argument) => !asked.includes(argument))
const unknown = asked.find((name) => !BENCHMARKS.includes(name))
if (unknown !== undefined) {
  console.error(`There is no benchmark ${unknown}: ${BENCHMARKS.join(', ')}.`)
  process.exit(2)
}

for (const server of benchServers()) {
  for (const name of asked.length > 0 ? asked : BENCHMARKS) await measure(name, server)
}
if (!isTrial) for (const name of REPORTS) await run(name, process.env)

/** Each benchmark starts on a server without databases, because their number makes a difference. */
async function measure(name: string, server: BenchServer): Promise<void> {
  const { TENANT_KNEX_MARIADB_URL: _m, TENANT_KNEX_MYSQL_URL: _n, ...env } = process.env
  await run(name, { ...env, [`TENANT_KNEX_${server.name.toUpperCase()}_URL`]: server.url })
  await dropDatabases(server.url)
}

async function run(name: string, env: NodeJS.ProcessEnv): Promise<void> {
  const file = fileURLToPath(new URL(`./${name}.ts`, import.meta.url))
  const args = ['--expose-gc', '--import', 'tsx', file, ...flags]
  const [code] = await once(spawn(process.execPath, args, { stdio: 'inherit', env }), 'exit')
  // A failure does not stop the other benchmarks.
  if (code !== 0) process.exitCode = 1
}
