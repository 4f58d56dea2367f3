/*
 * The tests of what a version of Node may change, on newer Nodes than the one at hand and with the
 * packages that are installed: `npm run test:nodes`.
 */
import { constants, tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { messageOf } from '../test/support/servers/run.ts'
import { watchParent } from '../test/support/servers/watch-parent.ts'
import {
  areServersNamed,
  Reaper,
  SERVER_NAMES,
  startServers,
  urlVariables,
} from '../test/support/servers.ts'
import { findNode, type NodeBinary } from './versions/node-binary.ts'
import { say, sayOutcome } from './versions/report.ts'
import { type Outcome, runSuite } from './versions/suite.ts'

const NODES: readonly string[] = ['24', '26']
const ROOT = fileURLToPath(new URL('../', import.meta.url))

/** Scopes of asynchronous calls, sockets, streams and URLs: there Nodes have differed. */
const FILES = [
  'test/server/tenant-knex.test.ts',
  'test/*/adapters/**/*.test.ts',
  'test/*/base/scope.test.ts',
  'test/*/cache/*.test.ts',
  'test/server/isolation/*.test.ts',
  'test/*/resolve/*.test.ts',
  'test/lab/*-fuzz.test.ts',
]

// As .mocharc.json has it, whose files would be added to these.
const MOCHA = ['--no-config', '-n', 'import=tsx', '-n', 'expose-gc', '-t', '20000']
const ENDS = ['--require', 'test/support/ends-by-itself.ts']

const reaper = new Reaper()
let isInterrupted = false
for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.on(signal, interrupt)
watchParent(() => interrupt('SIGHUP'))
process.exitCode = await main(process.argv.slice(2))

async function main(versions: readonly string[]): Promise<number> {
  try {
    const nodes: NodeBinary[] = []
    for (const version of versions.length > 0 ? versions : NODES) {
      nodes.push(await findNode(reaper, version))
    }
    const outcomes = await runAll(nodes)
    const passed = sum(outcomes.map((outcome) => outcome.passed))
    const failed = sum(outcomes.map(({ failures }) => failures.length))
    console.log(`${passed} passed, ${failed} failed`)
    return failed === 0 ? 0 : 1
  } catch (error) {
    // What was under way fails, as all it needs is gone; interrupt() ends the process.
    if (isInterrupted) return new Promise<never>(() => {})
    console.error(`nodes: ${messageOf(error)}`)
    return 1
  } finally {
    await reaper.end()
  }
}

/** At once, as tests wait for servers most of the time, each on servers of its own. */
async function runAll(nodes: readonly NodeBinary[]): Promise<Outcome[]> {
  const runs: Promise<Outcome>[] = []
  for (const node of nodes) {
    const run = runOn(node, urlVariables(await startServers({ need: SERVER_NAMES, reaper })))
    // Servers that the environment names are the same for all.
    if (areServersNamed()) await run
    runs.push(run)
  }
  return Promise.all(runs)
}

async function runOn(
  node: NodeBinary,
  environment: Readonly<Record<string, string>>,
): Promise<Outcome> {
  const scratch = reaper.temporaryFolder(tmpdir(), 'tenant-knex-nodes-')
  const workspace = { project: ROOT, consumer: ROOT, scratch }
  say(`Node ${node.version}: running`)
  const outcome = await runSuite({ reaper, node, workspace, environment }, [
    ...MOCHA,
    ...ENDS,
    ...FILES,
  ])
  if (isInterrupted) throw new Error('interrupted')
  sayOutcome(`Node ${node.version}`, outcome)
  return outcome
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}

function interrupt(signal: NodeJS.Signals): void {
  if (isInterrupted) return
  isInterrupted = true
  console.error('\nnodes: interrupted, cleaning up')
  void reaper.end().then(() => process.exit(128 + constants.signals[signal]))
}
