/*
 * Runs the tests with the lowest and the newest Knex and mysql2 that the package's peer ranges allow, each on
 * every supported major version of Node: `npm run test:versions`.
 */
import { type Run, runCommand } from '../test/support/servers/command.ts'
import { type Servers, startLanes, urlVariables } from '../test/support/servers.ts'
import { parseArguments, USAGE, type Wanted } from './versions/arguments.ts'
import { findNode, type NodeBinary } from './versions/node-binary.ts'
import type { NodeRun } from './versions/node-run.ts'
import { checkPackage } from './versions/packed.ts'
import { type Libraries, resolveLibraries } from './versions/releases.ts'
import { printReport, type Result, sayResult } from './versions/report.ts'
import { say } from './versions/say.ts'
import { runSuite } from './versions/suite.ts'
import { Workspaces } from './versions/workspace.ts'

interface Runs {
  /** The names of the servers, for people. */
  readonly servers: readonly string[]
  readonly results: readonly Result[]
}

await runCommand('versions', async (run) => {
  const wanted = parseArguments(process.argv.slice(2))
  if (!wanted) {
    console.log(USAGE)
    return 0
  }
  const { servers, results } = await runAll(run, wanted)
  printReport(servers, results)
  return exitCodeOf(results)
})

async function runAll({ reaper, interruption }: Run, wanted: Wanted): Promise<Runs> {
  const libraries = await resolveLibraries(reaper, wanted)
  const nodes: NodeBinary[] = []
  for (const version of wanted.nodes) nodes.push(await findNode(reaper, version))
  const workspaces = await Workspaces.create(reaper)
  const lanes = await startLanes(reaper)
  const results: Result[] = []
  for (const pair of libraries) {
    const workspace = await workspaces.install(pair)
    const waiting = [...nodes]
    const work = async (servers: Servers): Promise<void> => {
      const environment = urlVariables(servers)
      for (let node = waiting.shift(); node; node = waiting.shift()) {
        results.push(await runOne({ reaper, node, workspace, environment }, pair, wanted))
        interruption.throwIfAborted()
      }
    }
    await Promise.all(lanes.map(work))
  }
  return { servers: lanes[0]?.titles ?? [], results }
}

async function runOne(run: NodeRun, libraries: Libraries, wanted: Wanted): Promise<Result> {
  const { version } = run.node
  say(`Node ${version}, Knex ${libraries.knex}, mysql2 ${libraries.mysql2}: running`)
  const checked = await checkPackage(run)
  const outcome = await runSuite(run, wanted.mochaArguments)
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
