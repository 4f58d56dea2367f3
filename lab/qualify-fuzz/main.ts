import { parseArgs } from 'node:util'
import { testServers } from '../../test/support/tenants.ts'
import { fuzz, type Report } from './run.ts'

const USAGE = `usage: npm run fuzz:qualify -- [--expressions N] [--seed S] [--server mariadb|mysql]

Runs random expressions of Knex's query builder by plain Knex and by tenantKnex with qualify: 'auto'.
Sends their texts, with the tenant's database before each table, from the database of another tenant
whose tables have the same names, too. Changes the texts a little, and sends those that still count as
self-contained. Fails if an answer differs, or if a row of the other tenant is read or written.

  --expressions N  on each server (1000 by default)
  --seed S         (1 by default)
  --server NAME    only this one`

const { values } = parseArgs({
  options: {
    expressions: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    server: { type: 'string', default: '' },
    help: { type: 'boolean', default: false },
  },
})
const [expressions, seed] = [Number(values.expressions), Number(values.seed)]
const servers = testServers().filter(({ name }) => name.toLowerCase().includes(values.server))
if (values.help || !(expressions > 0) || !Number.isInteger(seed) || servers.length === 0) {
  console.error(USAGE)
  process.exit(values.help ? 0 : 2)
}

for (const server of servers) {
  const report = await fuzz({ server, seed, expressions })
  for (const one of report.wrong.slice(0, 20)) console.error(`${server.name}, ${one}`)
  print(server.name, report)
  if (report.wrong.length + report.marks > 0) process.exitCode = 1
}

function print(
  name: string,
  { kinds, mutations, statements, switches, marks, wrong }: Report,
): void {
  for (const [kind, { expressions, selfContained, failed }] of kinds) {
    const share = Math.round((100 * selfContained) / expressions)
    console.log(
      `  ${kind}: ${expressions}, self-contained ${share} %, refused by the server ${failed}`,
    )
  }
  const { tried, taken, run } = mutations
  console.log(`  changed texts: ${tried}, self-contained ${taken}, of those carried out ${run}`)
  console.log(
    `${name}, seed ${seed}: ${statements.sent} statements, self-contained ${statements.selfContained}, ` +
      `switches ${switches}, marks ${marks}, wrong ${wrong.length}`,
  )
}
