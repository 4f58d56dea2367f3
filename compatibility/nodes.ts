/*
 * Runs the tests of features that differ between versions of Node, on newer Nodes than this one and with the
 * installed packages: `npm run test:nodes`.
 */
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { type Run, runCommand } from '../test/support/servers/command.ts'
import {
  areServersNamed,
  SERVER_NAMES,
  startServers,
  urlVariables,
} from '../test/support/servers.ts'
import { findNode, type NodeBinary } from './versions/node-binary.ts'
import { sayOutcome } from './versions/report.ts'
import { say } from './versions/say.ts'
import { type Outcome, runSuite } from './versions/suite.ts'

const NODES: readonly string[] = ['24', '26']
const ROOT = fileURLToPath(new URL('../', import.meta.url))

/** Scopes of asynchronous calls, sockets, streams and URLs: Nodes have differed in these. */
const FILES = [
  'test/server/tenant-knex.test.ts',
  'test/*/adapters/**/*.test.ts',
  'test/*/base/scope.test.ts',
  'test/*/cache/*.test.ts',
  'test/server/isolation/*.test.ts',
  'test/*/resolve/*.test.ts',
  'test/lab/*-fuzz.test.ts',
]

// As in .mocharc.json, without its files, which mocha would add to these.
const MOCHA = ['--no-config', '-n', 'import=tsx', '-n', 'expose-gc', '-t', '20000']
const ENDS = ['--require', 'test/support/ends-by-itself.ts']

await runCommand('nodes', async (run) => {
  const given = process.argv.slice(2)
  const nodes: NodeBinary[] = []
  for (const version of given.length > 0 ? given : NODES) {
    nodes.push(await findNode(run.reaper, version))
  }
  const outcomes = await runAll(run, nodes)
  const passed = sum(outcomes.map((outcome) => outcome.passed))
  const failed = sum(outcomes.map(({ failures }) => failures.length))
  console.log(`${passed} passed, ${failed} failed`)
  return failed === 0 ? 0 : 1
})

/** At once, as tests wait for servers most of the time, each on servers of its own. */
async function runAll(run: Run, nodes: readonly NodeBinary[]): Promise<Outcome[]> {
  const runs: Promise<Outcome>[] = []
  for (const node of nodes) {
    const servers = await startServers({ need: SERVER_NAMES, reaper: run.reaper })
    const outcome = runOn(run, node, urlVariables(servers))
    // Servers that the environment names are the same for all.
    if (areServersNamed()) await outcome
    runs.push(outcome)
  }
  return Promise.all(runs)
}

async function runOn(
  { reaper, interruption }: Run,
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
  interruption.throwIfAborted()
  sayOutcome(`Node ${node.version}`, outcome)
  return outcome
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
