import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { runCommand } from '../../test/support/servers/command.ts'
import { type Reaper, startLanes, urlVariables } from '../../test/support/servers.ts'
import { MUTANTS } from './list.ts'
import type { Mutant } from './mutant.ts'
import { page, table, type Verdict } from './report.ts'
import { NO_END, runTests, type TestRun } from './run-tests.ts'
import { stormOperations } from './storm.ts'
import { areUnitTests, UNIT_TESTS } from './test-files.ts'
import { Workspace } from './workspace.ts'

const RESULTS = new URL('./results.md', import.meta.url)

/** How often a mutant is tried if the failing test fails only by accident. */
const ATTEMPTS = 3

const USAGE = `usage: npm run mutants -- [--only TEXT] [--quick] [--storm]

Puts each deliberate defect of list/ into a copy of the source by itself, runs the tests that are to
catch it, and writes results.md beside this file. Fails if one is not caught.

  --only TEXT  only those with this text in their names or files; the table is printed, not written
  --quick      only those that tests without a database catch; the same
  --storm      try each against the storm too`

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    quick: { type: 'boolean', default: false },
    storm: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(USAGE)
  process.exit(0)
}

await runCommand('mutants', async ({ reaper }) => {
  const mutants = MUTANTS.filter(isWanted)
  const verdicts = await tryAll(reaper, mutants)
  if (mutants.length === MUTANTS.length) writeFileSync(RESULTS, page(verdicts))
  else console.log(table(verdicts))
  const survivors = verdicts.filter(({ caughtBy }) => caughtBy === undefined)
  for (const { mutant } of survivors) console.error(`NOT CAUGHT: ${mutant.name}`)
  console.error(`mutants: ${verdicts.length - survivors.length} of ${verdicts.length} caught`)
  return survivors.length === 0 ? 0 : 1
})

function isWanted({ name, file, isQuick }: Mutant): boolean {
  if (values.quick && !isQuick) return false
  return name.includes(values.only) || file.includes(values.only)
}

async function tryAll(reaper: Reaper, mutants: readonly Mutant[]): Promise<Verdict[]> {
  const verdicts: Verdict[] = []
  const queue = mutants.entries()
  const tryNext = async (workspace: Workspace): Promise<void> => {
    for (const [index, mutant] of queue) {
      const verdict = await tryOne(reaper, workspace, mutant)
      const { caughtBy = 'NOTHING', seconds } = verdict
      console.error(`mutants: ${mutant.name}: ${caughtBy} (${seconds.toFixed(1)} s)`)
      verdicts[index] = verdict
    }
  }
  await Promise.all((await workspaces(reaper)).map(tryNext))
  return verdicts
}

/** A copy of the source for each of the mutants that are tried at once. */
async function workspaces(reaper: Reaper): Promise<Workspace[]> {
  const lanes = await startLanes(reaper)
  const copies = lanes.map((servers) => {
    return new Workspace(reaper, undefined, { ...process.env, ...urlVariables(servers) })
  })
  const { failure } = await runTests(reaper, copies[0] as Workspace, UNIT_TESTS)
  if (failure) throw new Error(`without any defect fails: ${failure.title}\n${failure.message}`)
  return copies
}

async function tryOne(reaper: Reaper, workspace: Workspace, mutant: Mutant): Promise<Verdict> {
  const { failure, seconds } = await catchMutant(reaper, workspace, mutant)
  const storm = values.storm
    ? await workspace.withMutant(mutant, () => stormOperations(reaper, workspace))
    : undefined
  return { mutant, caughtBy: failure?.title, seconds, storm }
}

/**
 * Runs a mutant's tests. A test with a database may fail by accident, and such a failure does not count. So
 * the failing test must fail again alone, and pass without the mutant.
 */
async function catchMutant(reaper: Reaper, workspace: Workspace, mutant: Mutant): Promise<TestRun> {
  const { name, tests } = mutant
  const runMutant = (only?: string) =>
    workspace.withMutant(mutant, () => runTests(reaper, workspace, tests, { only }))
  for (let attempt = 1; ; attempt++) {
    const run = await runMutant()
    const only = run.failure?.title
    if (only === undefined || only === NO_END || areUnitTests(tests)) return run
    const again = await runMutant(only)
    const without = await runTests(reaper, workspace, tests, { only })
    if (again.failure && !without.failure) return run
    console.error(`mutants: ${name}: fails only by accident: ${only}`)
    if (attempt === ATTEMPTS) return { ...run, failure: undefined }
  }
}
