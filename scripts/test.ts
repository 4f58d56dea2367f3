/*
 * Runs all tests: `npm test`. Tests wait for servers most of the time. So two halves run at once, each on its
 * own servers. On servers that the environment names, the halves run one after the other.
 */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, statSync } from 'node:fs'
import { constants } from 'node:os'
import { join, relative } from 'node:path'
import { PassThrough } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { runCommand } from '../test/support/servers/command.ts'
import { type Reaper, startLanes, urlVariables } from '../test/support/servers.ts'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const MOCHA = join(ROOT, 'node_modules/mocha/bin/mocha.js')

/** A process blocks if its output is not read. */
const KEPT_BYTES = 64 * 1024 * 1024

/** A run of Mocha over a part of the files. */
interface Part {
  readonly leftOut: readonly string[]
  readonly env: NodeJS.ProcessEnv
}

await runCommand('test', async ({ reaper }) => {
  const lanes = await startLanes(reaper)
  const leftOut = inParts(testFiles(), lanes.length)
  return runAll(
    reaper,
    lanes.map((servers, index) => ({
      leftOut: leftOut[index] ?? [],
      env: { ...process.env, ...urlVariables(servers) },
    })),
  )
})

/** The files that each part skips. Long files tend to take long, so each part gets every nth of them. */
function inParts(files: readonly string[], parts: number): string[][] {
  return Array.from({ length: parts }, (_, part) =>
    files.filter((_, index) => index % parts !== part),
  )
}

function testFiles(): string[] {
  return readdirSync(join(ROOT, 'test'), { recursive: true, withFileTypes: true })
    .filter(({ name }) => name.endsWith('.test.ts'))
    .map(({ parentPath, name }) => relative(ROOT, join(parentPath, name)))
    .sort((a, b) => size(b) - size(a))
}

function size(file: string): number {
  return statSync(join(ROOT, file)).size
}

/** Shows what the first writes as it comes, and what the others write when those before have ended. */
async function runAll(reaper: Reaper, parts: readonly Part[]): Promise<number> {
  const runs = parts.map((part) => startMocha(reaper, part))
  for (const { output, exitCode } of runs) {
    output.pipe(process.stdout, { end: false })
    await exitCode
  }
  return Math.max(...(await Promise.all(runs.map(({ exitCode }) => exitCode))))
}

function startMocha(
  reaper: Reaper,
  { leftOut, env }: Part,
): { output: PassThrough; exitCode: Promise<number> } {
  const args = [...process.argv.slice(2), ...leftOut.flatMap((file) => ['--ignore', file])]
  const stdio = ['ignore', 'pipe', 'pipe'] as const
  const child = reaper.spawn(process.execPath, [MOCHA, ...args], {
    cwd: ROOT,
    env,
    stdio: [...stdio],
  })
  const output = new PassThrough({ highWaterMark: KEPT_BYTES })
  child.stdout?.pipe(output, { end: false })
  child.stderr?.pipe(output, { end: false })
  return { output, exitCode: exitCodeOf(child) }
}

async function exitCodeOf(child: ChildProcess): Promise<number> {
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal])
}
