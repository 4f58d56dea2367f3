import { once } from 'node:events'
import type { Reaper } from '../../test/support/servers.ts'
import type { Workspace } from './workspace.ts'

/** The end of a program. */
export interface NodeRun {
  /** Undefined if it had to be killed. */
  readonly code: number | undefined
  /** Everything that it wrote. */
  readonly output: string
  readonly seconds: number
}

/** The Node for a program, and its options. */
export interface Runtime {
  /** A Node. */
  readonly path: string
  /** Node's arguments for reading TypeScript. */
  readonly args: readonly string[]
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>
}

/** This Node, with tsx. */
export const WITH_TSX: Runtime = { path: process.execPath, args: ['--import', 'tsx'] }

/** Runs a program of a workspace with a timeout: a mutant can make it wait for ever. */
export async function runNode(
  reaper: Reaper,
  { folder, env }: Workspace,
  args: readonly string[],
  limitMillis: number,
  runtime: Runtime = WITH_TSX,
): Promise<NodeRun> {
  const since = performance.now()
  const child = reaper.spawn(runtime.path, [...runtime.args, '--expose-gc', ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...env, NO_COLOR: '1', ...runtime.env },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  }
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    process.kill(-(child.pid as number), 'SIGKILL')
  }, limitMillis)
  const [code] = await once(child, 'close').finally(() => clearTimeout(timer))
  const seconds = (performance.now() - since) / 1_000
  return { code: isLate ? undefined : (code ?? 1), output, seconds }
}
