import { parseArgs } from 'node:util'
import { fuzz } from './run.ts'

const USAGE = `usage: npm run fuzz:requests -- [--seed N] [--connections N] [--only TEXT]

Sends random requests, without waiting for answers, to applications of all frameworks, nested in each
other and with adapters of one and two tenantKnexes, and hangs up on some. Looks at what is in scope at
every event. With --only, just the applications with this text in their names.`

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    connections: { type: 'string', default: '60' },
    only: { type: 'string', default: '' },
    help: { type: 'boolean', default: false },
  },
})
const [seed, connections] = [Number(values.seed), Number(values.connections)]
if (values.help || !(connections >= 1) || !Number.isInteger(seed)) {
  console.error(USAGE)
  process.exit(values.help ? 0 : 2)
}

let checks = 0
let wrong = 0
for await (const outcome of fuzz({ seed, connections, only: values.only })) {
  checks += outcome.checks
  wrong += outcome.wrong.length
  console.log(`${outcome.shape}: ${outcome.checks} checks, ${outcome.wrong.length} wrong`)
  for (const one of outcome.wrong.slice(0, 10)) console.log(' ', JSON.stringify(one))
}
console.log(`Node ${process.versions.node}, seed ${seed}: ${checks} checks, ${wrong} wrong`)
process.exitCode = wrong > 0 ? 1 : 0
