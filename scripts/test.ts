/*
 * All tests: `npm test`. They wait for servers most of the time, so two halves run at once, each on
 * servers of its own. On servers that the environment names they run one after the other.
 */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, statSync } from 'node:fs'
import { constants } from 'node:os'
import { join, relative } from 'node:path'
import { PassThrough } from 'node:stream'
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

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const MOCHA = join(ROOT, 'node_modules/mocha/bin/mocha.js')

/** A process that nobody reads from would stand still. */
const KEPT_BYTES = 64 * 1024 * 1024

/** A run of Mocha over a part of the files. */
interface Part {
  readonly leftOut: readonly string[]
  readonly env: NodeJS.ProcessEnv
}

const reaper = new Reaper()
let isInterrupted = false
for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.on(signal, interrupt)
watchParent(() => interrupt('SIGHUP'))
process.exitCode = await main()

async function main(): Promise<number> {
  try {
    // One after the other: the first may have to install them.
    const parts: Part[] = []
    for (const leftOut of inParts(testFiles())) parts.push({ leftOut, env: await ownServers() })
    return await runAll(parts)
  } catch (error) {
    // What was under way fails, as all it needs is gone; interrupt() ends the process.
    if (isInterrupted) return new Promise<never>(() => {})
    console.error(`test: ${messageOf(error)}`)
    return 1
  } finally {
    await reaper.end()
  }
}

/** What each part leaves out. Long files tend to take long: each part gets every second of these. */
function inParts(files: readonly string[]): string[][] {
  if (areServersNamed()) return [[]]
  return [1, 0].map((odd) => files.filter((_, index) => index % 2 === odd))
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

async function ownServers(): Promise<NodeJS.ProcessEnv> {
  return { ...process.env, ...urlVariables(await startServers({ need: SERVER_NAMES, reaper })) }
}

/** Shows what the first writes as it comes, and what the others write when those before have ended. */
async function runAll(parts: readonly Part[]): Promise<number> {
  const runs = parts.map(startMocha)
  for (const { output, exitCode } of runs) {
    output.pipe(process.stdout, { end: false })
    await exitCode
  }
  return Math.max(...(await Promise.all(runs.map(({ exitCode }) => exitCode))))
}

function startMocha({ leftOut, env }: Part): { output: PassThrough; exitCode: Promise<number> } {
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

function interrupt(signal: NodeJS.Signals): void {
  if (isInterrupted) return
  isInterrupted = true
  console.error('\ntest: interrupted, cleaning up')
  void reaper.end().then(() => process.exit(128 + constants.signals[signal]))
}
