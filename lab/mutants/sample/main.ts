import { parseArgs } from 'node:util'
import { runCommand } from '../../../test/support/servers/command.ts'
import { messageOf } from '../../../test/support/servers/run.ts'
import type { Reaper } from '../../../test/support/servers.ts'
import { filesUnder } from '../files.ts'
import type { Runtime } from '../run-node.ts'
import { runTests, type TestFailure } from '../run-tests.ts'
import { nodeThatStripsTypes } from '../strip-types.ts'
import { areUnitTests } from '../test-files.ts'
import { Workspace } from '../workspace.ts'
import { type Coverage, coverageOf } from './coverage.ts'
import { applyGenerated, type GeneratedMutant, generateMutants } from './generate.ts'
import { HARMLESS } from './harmless.ts'
import { nearestTests, type TestGroup } from './nearest-tests.ts'
import { withoutTypeErrors } from './refused-by-types.ts'
import { page, type Verdict } from './report.ts'

/** The nearest tests run on MariaDB only, the wider ones on each server. */
const NEAR = { factor: 3, env: { TENANT_KNEX_MYSQL_URL: '' } }
const WIDER = { factor: 4, env: {} }

/** Extra time for tests: to start, and to wait for one test that hangs. */
const LEEWAY_MILLIS = 30_000

/** Words in failures that depend on time or on a busy server. */
const ACCIDENT = /time|wait|took|late|lost|closed|connect|heap/i

/** TypeScript refuses about a third of them. */
const DRAWN_FOR_EACH = 2

/** Tests that need more than the source, or do not depend on it. */
const NOT_TRIED = /^test\/(?:mutants|support|examples|benchmarks|docs|cli)\b/

const USAGE = `usage: npm run mutants:sample -- [--seed N] [--count M] [--only N,N]

Puts small changes anywhere in the source, one at a time, drawn by chance from all that Stryker
knows, and runs the tests that run the changed place: the nearest first, then others, each in limited
time. Prints which were not noticed. Fails if there is one that harmless.ts does not explain.

  --seed N    the same seed draws the same changes (1)
  --count M   how many (20)
  --only N,N  only those with these numbers`

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '20' },
    only: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(USAGE)
  process.exit(0)
}

/** Options of a stage. */
interface Stage {
  /** The time limit, as a multiple of the time without a mutant. */
  readonly factor: number
  readonly env: Readonly<Record<string, string>>
}

/** Everything that is needed to try a mutant. */
interface Laboratory {
  readonly reaper: Reaper
  readonly workspace: Workspace
  readonly runtime: Runtime
  readonly coverage: ReadonlyMap<string, Coverage>
}

await runCommand('mutants', async ({ reaper }) => {
  const seed = Number(values.seed)
  const workspace = new Workspace(reaper)
  const mutants = await draw(reaper, workspace, seed)
  const runtime = await strippingRuntime(reaper)
  const tests = filesUnder(workspace.folder, 'test').filter(isTried)
  const coverage = await coverageOf(reaper, workspace, tests, { ...runtime, env: NEAR.env })
  const laboratory = { reaper, workspace, runtime, coverage }
  const left: Verdict[] = []
  const verdicts: Verdict[] = []
  for (const [number, mutant] of mutants) {
    const verdict = await tryNear(laboratory, number, mutant)
    ;(verdict.caughtBy === undefined ? left : verdicts).push(verdict)
  }
  // All nearest tests run first: they are quick, and catch most mutants.
  for (const verdict of left) verdicts.push(await tryWider(laboratory, verdict))
  console.log(page(seed, verdicts))
  return verdicts.every(({ caughtBy, harmless }) => caughtBy ?? harmless) ? 0 : 1
})

/** Draws the sample, with a number for each mutant. */
async function draw(
  reaper: Reaper,
  { folder }: Workspace,
  seed: number,
): Promise<[number: number, GeneratedMutant][]> {
  const count = Number(values.count)
  const files = filesUnder(folder, 'src')
  const drawn = await generateMutants(reaper, folder, files, seed)
  const kept = await withoutTypeErrors(reaper, drawn.slice(0, DRAWN_FOR_EACH * count))
  const numbers = values.only?.split(',').map(Number)
  return kept
    .slice(0, count)
    .map((mutant, index): [number, GeneratedMutant] => [index + 1, mutant])
    .filter(([number]) => numbers?.includes(number) ?? true)
}

async function strippingRuntime(reaper: Reaper): Promise<Runtime> {
  const { path } = await nodeThatStripsTypes(reaper)
  return { path, args: ['--experimental-strip-types', '--disable-warning=ExperimentalWarning'] }
}

function isTried(file: string): boolean {
  return file.endsWith('.test.ts') && !NOT_TRIED.test(file)
}

async function tryNear(
  laboratory: Laboratory,
  number: number,
  mutant: GeneratedMutant,
): Promise<Verdict> {
  const { near } = nearestTests(mutant, laboratory.coverage)
  const caughtBy = await firstFailure(laboratory, mutant, near, NEAR)
  const verdict = { number, mutant, caughtBy, harmless: undefined, limit: undefined }
  console.error(`mutants: ${number}: ${summary(verdict, 'not noticed by the nearest tests')}`)
  return verdict
}

async function tryWider(laboratory: Laboratory, verdict: Verdict): Promise<Verdict> {
  const { number, mutant } = verdict
  const { wider, leftOut } = nearestTests(mutant, laboratory.coverage)
  const caughtBy = await firstFailure(laboratory, mutant, wider, WIDER)
  const harmless = harmlessReason(mutant)
  const limit = leftOut > 0 ? `${leftOut} slow test files` : undefined
  const end = harmless ? `harmless: ${harmless}` : `SURVIVED (${limit ?? 'all tried'})`
  const tried = { ...verdict, caughtBy, harmless, limit }
  console.error(`mutants: ${number}: ${summary(tried, end)}`)
  return tried
}

/**
 * The failing test. If its failure may be an accident, because the machine was busy, it must fail again
 * alone, and pass without the mutant.
 */
async function firstFailure(
  laboratory: Laboratory,
  mutant: GeneratedMutant,
  group: TestGroup,
  stage: Stage,
): Promise<string | undefined> {
  const { tests } = group
  if (tests.length === 0) return undefined
  const failure = await run(laboratory, mutant, group, stage)
  if (failure === undefined) return undefined
  const { title, file, message } = failure
  const isSure = file === undefined || areUnitTests([file]) || !ACCIDENT.test(message)
  if (isSure) return title
  // A hook cannot run alone.
  const only = title.includes('" hook') ? undefined : title
  const itself = { ...group, tests: [file] }
  const again = await run(laboratory, mutant, itself, stage, only)
  const without = again && (await run(laboratory, undefined, itself, stage, only))
  if (again && !without) return title
  console.error(`mutants: fails only by accident: ${title}`)
  const rest = { ...group, tests: tests.filter((test) => test !== file) }
  return firstFailure(laboratory, mutant, rest, stage)
}

async function run(
  { reaper, workspace, runtime }: Laboratory,
  mutant: GeneratedMutant | undefined,
  { tests, seconds }: TestGroup,
  { factor, env }: Stage,
  only?: string,
): Promise<TestFailure | undefined> {
  const limitMillis = LEEWAY_MILLIS + 1_000 * factor * seconds
  const options = { only, limitMillis, runtime: { ...runtime, env } }
  const runThem = () => runTests(reaper, workspace, tests, options)
  try {
    const { failure } = await (mutant
      ? workspace.withChange(mutant.file, (source) => applyGenerated(mutant, source), runThem)
      : runThem())
    return failure
  } catch (error) {
    if (reaper.isEnded) throw error
    return { title: 'no test can be run', message: messageOf(error) }
  }
}

function harmlessReason({ file, line, replacement }: GeneratedMutant): string | undefined {
  const made = replacement.replaceAll(/\s+/g, ' ')
  return HARMLESS.find(
    (entry) => entry.file === file && line.includes(entry.line) && entry.replacement === made,
  )?.reason
}

function summary({ mutant, caughtBy }: Verdict, otherwise: string): string {
  const { file, lineNumber, changed, replacement } = mutant
  const change = `${changed} -> ${replacement}`.replaceAll(/\s+/g, ' ')
  return `${file}:${lineNumber}: ${change}: ${caughtBy ?? otherwise}`
}
