/*
 * The tests on the lowest and on the newest Knex and mysql2 that the package's peer ranges allow,
 * each on every supported major version of Node: `npm run test:versions`.
 */
import { constants } from 'node:os'
import { messageOf } from '../test/support/servers/run.ts'
import { watchParent } from '../test/support/servers/watch-parent.ts'
import { Reaper, SERVER_NAMES, startServers, urlVariables } from '../test/support/servers.ts'
import { parseArguments, USAGE, type Wanted } from './versions/arguments.ts'
import { findNode, type NodeBinary } from './versions/node-binary.ts'
import type { NodeRun } from './versions/node-run.ts'
import { checkPackage } from './versions/packed.ts'
import { type Libraries, resolveLibraries } from './versions/releases.ts'
import { printReport, type Result, say, sayResult } from './versions/report.ts'
import { runSuite } from './versions/suite.ts'
import { Workspaces } from './versions/workspace.ts'

interface Runs {
  /** What they ran on, for people. */
  readonly servers: readonly string[]
  readonly results: readonly Result[]
}

const reaper = new Reaper()
let isInterrupted = false
for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.on(signal, interrupt)
watchParent(() => interrupt('SIGHUP'))
process.exitCode = await main()

async function main(): Promise<number> {
  try {
    const wanted = parseArguments(process.argv.slice(2))
    if (!wanted) {
      console.log(USAGE)
      return 0
    }
    const { servers, results } = await runAll(wanted)
    printReport(servers, results)
    return exitCodeOf(results)
  } catch (error) {
    // What was under way fails, as all it needs is gone; interrupt() ends the process.
    if (isInterrupted) return new Promise<never>(() => {})
    console.error(`versions: ${messageOf(error)}`)
    return 1
  } finally {
    await reaper.end()
  }
}

async function runAll(wanted: Wanted): Promise<Runs> {
  const libraries = await resolveLibraries(reaper, wanted)
  const nodes: NodeBinary[] = []
  for (const version of wanted.nodes) nodes.push(await findNode(reaper, version))
  const workspaces = await Workspaces.create(reaper)
  const servers = await startServers({ need: SERVER_NAMES, reaper })
  try {
    const environment = urlVariables(servers)
    const results: Result[] = []
    for (const pair of libraries) {
      const workspace = await workspaces.install(pair)
      for (const node of nodes) {
        results.push(await runOne({ reaper, node, workspace, environment }, pair, wanted))
      }
    }
    return { servers: servers.titles, results }
  } finally {
    await servers.stop()
  }
}

async function runOne(run: NodeRun, libraries: Libraries, wanted: Wanted): Promise<Result> {
  const { version } = run.node
  say(`Node ${version}, Knex ${libraries.knex}, mysql2 ${libraries.mysql2}: running`)
  const checked = await checkPackage(run)
  const outcome = await runSuite(run, wanted.mochaArguments)
  if (isInterrupted) throw new Error('interrupted')
  const result = {
    ...libraries,
    ...outcome,
    node: version,
    passed: outcome.passed + checked.passed,
    failures: [...checked.failures, ...outcome.failures],
  }
  sayResult(result)
  return result
}

function exitCodeOf(results: readonly Result[]): number {
  return results.every(({ failures }) => failures.length === 0) ? 0 : 1
}

function interrupt(signal: NodeJS.Signals): void {
  if (isInterrupted) return
  isInterrupted = true
  console.error('\nversions: interrupted, cleaning up')
  void reaper.end().then(() => process.exit(128 + constants.signals[signal]))
}
