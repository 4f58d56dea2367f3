import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { OwnServer } from '../../test/support/own-server.ts'
import { watchParent } from '../../test/support/servers/watch-parent.ts'
import type { Orders } from './child.ts'
import { page } from './results.ts'
import type { Kind, StormPlan, StormRun } from './run-storm.ts'

const RESULTS = new URL('./results.md', import.meta.url)
const RUNS = new URL('./results.json', import.meta.url)
const CHILD = new URL('./child.ts', import.meta.url)

const USAGE = `usage: npm run storm -- [--seeds 1-20] [--operations 100000] [--fault-every 100]
                        [--server mariadb | mysql] [--switching auto | pipelined | roundtrip]
                        [--qualify never | auto] [--calm] [--add]

Lets storms loose on servers of its own, MariaDB and MySQL side by side, one for each seed, and
writes results.md and results.json beside this file after each. Every fourth has fewer operations at
a time than connections. With --calm nothing is broken, and nothing is written. With --add the storms
that are in results.json stay there, but for those that are repeated.`

const SWITCHING = ['auto', 'pipelined', 'roundtrip'] as const
const QUALIFY = ['never', 'auto'] as const

/** The only mode of earlier storms. */
const BEFORE = 'roundtrip'

const SERVERS: readonly OwnServer['name'][] = ['MariaDB', 'MySQL']

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1' },
    operations: { type: 'string', default: '100000' },
    'fault-every': { type: 'string', default: '100' },
    server: { type: 'string', default: '' },
    switching: { type: 'string', default: 'auto' },
    qualify: { type: 'string', default: 'auto' },
    calm: { type: 'boolean', default: false },
    add: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const switching = SWITCHING.find((name) => name === values.switching)
const qualify = QUALIFY.find((name) => name === values.qualify)
const seeds = seedsOf(values.seeds)
const operations = Number(values.operations)
const faultEvery = Number(values['fault-every'])
const servers = SERVERS.filter((name) => name.toLowerCase().includes(values.server.toLowerCase()))
if (
  values.help ||
  switching === undefined ||
  qualify === undefined ||
  seeds.length === 0 ||
  !(operations > 0 && faultEvery > 0) ||
  !servers.length
) {
  console.error(USAGE)
  process.exit(values.help ? 0 : 2)
}

const kept: StormRun[] = values.add ? lastRuns() : []
const runs: StormRun[] = []
const children = servers.map(start)
watchParent(() => process.exit(1))
const endings = await Promise.all(children.map(end))
const found = runs.flatMap(({ report }) => report.violations)
process.exit(found.length > 0 || endings.some((code) => code !== 0) ? 1 : 0)

/** Git does not have them: they are those of this clone. */
function lastRuns(): StormRun[] {
  if (existsSync(RUNS)) return JSON.parse(readFileSync(RUNS, 'utf8'))
  throw new Error('There is no results.json to add to. Run the storms without --add first.')
}

function start(server: OwnServer['name']): ChildProcess {
  const child = fork(CHILD, { execArgv: [...process.execArgv, '--expose-gc'] })
  child.on('message', (run: StormRun) => onRun(run))
  child.send({ server, plans: seeds.map(planOf) } satisfies Orders)
  return child
}

async function end(child: ChildProcess): Promise<number | null> {
  const [code] = await once(child, 'exit')
  return code
}

function planOf(seed: number): StormPlan {
  const kind: Kind = values.calm ? 'calm' : seed % 4 === 0 ? 'sparse' : 'crowded'
  return {
    kind,
    seed,
    operations,
    faultEvery,
    switching: switching ?? 'auto',
    qualify: qualify ?? 'auto',
  }
}

function onRun(run: StormRun): void {
  const { server, kind, seed, seconds, report, tagged, qualified = 0, switches } = run
  const faults = Object.values(report.faults).reduce((sum, count) => sum + count, 0)
  console.log(
    `${server}, ${kind}, seed ${seed}: ${report.operations} operations, ${faults} faults, ` +
      `${report.rows} rows, ${qualified} of ${tagged} statements qualified, ${switches} switches, ` +
      `${report.violations.length} violations, ${Math.round(seconds)} s`,
  )
  for (const { operation, message } of report.violations) {
    console.error(`VIOLATION in operation ${operation}: ${message}`)
  }
  runs.push(run)
  if (!values.calm) writeResults([...kept.filter((old) => !runs.some(isSameAs(old))), ...runs])
}

function writeResults(all: readonly StormRun[]): void {
  const command = `npm run storm -- ${process.argv.slice(2).join(' ')}`.trim()
  writeFileSync(RUNS, `[\n${all.map((run) => JSON.stringify(run)).join(',\n')}\n]\n`)
  writeFileSync(RESULTS, page(command, all))
}

function isSameAs({
  server,
  kind,
  seed,
  switching,
  qualify,
}: StormRun): (run: StormRun) => boolean {
  return (run) =>
    run.server === server &&
    run.kind === kind &&
    run.seed === seed &&
    (run.qualify ?? 'never') === (qualify ?? 'never') &&
    (run.switching ?? BEFORE) === (switching ?? BEFORE)
}

/** Parses `1,2,5-7` into all its numbers. */
function seedsOf(text: string): number[] {
  return text.split(',').flatMap((part) => {
    const [first = Number.NaN, last = first] = part.split('-').map(Number)
    return last >= first
      ? Array.from({ length: last - first + 1 }, (_, index) => first + index)
      : []
  })
}
