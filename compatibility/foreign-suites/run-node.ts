import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Reaper } from '../../test/support/servers/reaper.ts'

/** The arguments of Node, and variables beside those of this process. */
export interface NodeCall {
  readonly cwd: string
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

/** The end of a program. */
export interface NodeEnd {
  /** Undefined if it was killed. */
  readonly code: number | undefined
  readonly output: string
}

/** The longest suite takes a few minutes. This limit ends one that hangs. */
const LIMIT_MILLIS = 900_000

/** Runs a program to its end. */
export async function runNode(reaper: Reaper, call: NodeCall): Promise<NodeEnd> {
  const file = join(reaper.temporaryFolder(tmpdir(), 'tenant-knex-foreign-'), 'output')
  const output = openSync(file, 'w')
  const child = reaper.spawn(process.execPath, call.args, {
    cwd: call.cwd,
    stdio: ['ignore', output, output],
    env: { ...process.env, ...call.environment, CI: 'true', NO_COLOR: '1' },
  })
  closeSync(output)
  const timer = setTimeout(() => {
    console.error(`foreign-suites: ${call.args.at(-1)} was stopped, it took too long`)
    child.kill('SIGKILL')
  }, LIMIT_MILLIS)
  const [code] = (await once(child, 'close')) as [number | null]
  clearTimeout(timer)
  if (reaper.isEnded) throw new Error('stopped')
  return { code: code ?? undefined, output: readFileSync(file, 'utf8') }
}
