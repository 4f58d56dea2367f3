import { once } from 'node:events'
import type { Reaper } from '../../test/support/servers.ts'
import type { Workspace } from './workspace.ts'

/** How a program ended. */
export interface NodeRun {
  /** Undefined where it had to be ended. */
  readonly code: number | undefined
  /** All that it wrote. */
  readonly output: string
  readonly seconds: number
}

/** What a program is run with. */
export interface Runtime {
  /** A Node. */
  readonly path: string
  /** What lets it read TypeScript. */
  readonly args: readonly string[]
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>
}

/** This Node, with tsx. */
export const WITH_TSX: Runtime = { path: process.execPath, args: ['--import', 'tsx'] }

/** Runs a program of a workspace, as long as it may take: a mutant can make it wait for ever. */
export async function runNode(
  reaper: Reaper,
  { folder }: Workspace,
  args: readonly string[],
  limitMillis: number,
  runtime: Runtime = WITH_TSX,
): Promise<NodeRun> {
  const since = performance.now()
  const child = reaper.spawn(runtime.path, [...runtime.args, '--expose-gc', ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1', ...runtime.env },
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
