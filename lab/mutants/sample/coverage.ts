import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cacheFolder } from '../../../test/support/servers/cache-folder.ts'
import type { Reaper } from '../../../test/support/servers.ts'
import { filesUnder } from '../files.ts'
import type { Runtime } from '../run-node.ts'
import { NO_END, runTests } from '../run-tests.ts'
import type { Workspace } from '../workspace.ts'

/** Test files that take longer are not used. */
const LIMIT_MILLIS = 180_000

/** The parts of the source that one test file runs. */
export interface Coverage {
  readonly seconds: number
  /** The first test that fails without any mutant. */
  readonly failing?: string | undefined
  /** By file: the parts that run, as pairs of offsets. */
  readonly spans: Readonly<Record<string, readonly Span[]>>
}

type Span = readonly [start: number, end: number]

interface Kept {
  readonly hash: string
  readonly coverage: Coverage
}

/** The used parts of V8's report: https://nodejs.org/api/cli.html#node_v8_coveragedir */
interface V8Report {
  readonly result: readonly {
    readonly url: string
    readonly functions: readonly { readonly ranges: readonly V8Range[] }[]
  }[]
  /** The scripts whose offsets differ from those of the source. */
  readonly 'source-map-cache'?: Readonly<Record<string, unknown>>
}

interface V8Range {
  readonly startOffset: number
  readonly endOffset: number
  readonly count: number
}

/**
 * Finds the parts of the source that each test file runs, by running it once. The result is kept in the
 * user's cache folder as long as the source and the test file are unchanged.
 *
 * @param runtime a Node that strips types, because offsets are then those of the source
 */
export async function coverageOf(
  reaper: Reaper,
  workspace: Workspace,
  tests: readonly string[],
  runtime: Runtime,
): Promise<Map<string, Coverage>> {
  const file = join(cacheFolder(), 'mutants-sample-coverage.json')
  const kept: Record<string, Kept> = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {}
  const base = hashOf(workspace, filesUnder(workspace.folder, 'src'))
  for (const [index, test] of tests.entries()) {
    const hash = base + hashOf(workspace, [test])
    if (kept[test]?.hash === hash) continue
    const coverage = await runOnce(reaper, workspace, test, runtime)
    kept[test] = { hash, coverage }
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, JSON.stringify(kept))
    const { seconds, failing } = coverage
    const end = failing === undefined ? '' : `, FAILS: ${failing}`
    console.error(
      `mutants: ${index + 1} of ${tests.length}: ${test} runs in ${seconds.toFixed(1)} s${end}`,
    )
  }
  return new Map(tests.map((test) => [test, (kept[test] as Kept).coverage]))
}

/** True if one of a file's spans contains this offset. */
export function covers({ spans }: Coverage, file: string, offset: number): boolean {
  return (spans[file] ?? []).some(([start, end]) => start <= offset && offset < end)
}

async function runOnce(
  reaper: Reaper,
  workspace: Workspace,
  test: string,
  runtime: Runtime,
): Promise<Coverage> {
  const folder = join(workspace.folder, 'coverage')
  rmSync(folder, { recursive: true, force: true })
  const { failure, seconds } = await runTests(reaper, workspace, [test], {
    isWhole: true,
    limitMillis: LIMIT_MILLIS,
    runtime: { ...runtime, env: { ...runtime.env, NODE_V8_COVERAGE: folder } },
  }).catch((error: Error) => ({ failure: { title: error.message }, seconds: 0 }))
  if (reaper.isEnded) throw new Error('stopped')
  const isTold = failure?.title !== NO_END && existsSync(folder)
  return { seconds, failing: failure?.title, spans: isTold ? readSpans(workspace, folder) : {} }
}

function readSpans({ folder: root }: Workspace, folder: string): Record<string, Span[]> {
  const ran = new Map<string, Uint8Array>()
  for (const name of readdirSync(folder)) {
    const report = JSON.parse(readFileSync(join(folder, name), 'utf8')) as V8Report
    for (const { url, functions } of report.result) {
      if (!url.startsWith('file:') || report['source-map-cache']?.[url]) continue
      const file = relative(root, fileURLToPath(url))
      if (!file.startsWith('src/')) continue
      const all = ran.get(file) ?? new Uint8Array(readFileSync(join(root, file), 'utf8').length)
      ran.set(file, all)
      addRanges(
        all,
        functions.flatMap(({ ranges }) => ranges),
      )
    }
  }
  return Object.fromEntries([...ran].map(([file, all]) => [file, spansOf(all)]))
}

/** Of nested ranges the innermost one counts. */
function addRanges(all: Uint8Array, ranges: readonly V8Range[]): void {
  const one = new Uint8Array(all.length)
  const outerFirst = ranges.toSorted(
    (a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset,
  )
  for (const { startOffset, endOffset, count } of outerFirst) {
    one.fill(count > 0 ? 1 : 0, startOffset, endOffset)
  }
  for (const [offset, hasRun] of one.entries()) if (hasRun === 1) all[offset] = 1
}

function spansOf(all: Uint8Array): Span[] {
  const spans: Span[] = []
  for (let start = all.indexOf(1); start !== -1; ) {
    const gap = all.indexOf(0, start)
    const end = gap === -1 ? all.length : gap
    spans.push([start, end])
    start = all.indexOf(1, end)
  }
  return spans
}

function hashOf({ folder }: Workspace, files: readonly string[]): string {
  const hash = createHash('sha256')
  for (const file of files) hash.update(readFileSync(join(folder, file)))
  return hash.digest('hex').slice(0, 16)
}
