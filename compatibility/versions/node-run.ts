import { once } from 'node:events'
import { delimiter, dirname } from 'node:path'
import type { Reaper } from '../../test/support/servers.ts'
import type { NodeBinary } from './node-binary.ts'
import type { Workspace } from './workspace.ts'

/** How a program runs. */
export interface NodeRun {
  readonly reaper: Reaper
  readonly node: NodeBinary
  readonly workspace: Workspace
  /** Variables beside those of this process. */
  readonly environment: NodeJS.ProcessEnv
}

/** The end of a program. */
export interface NodeRunEnd {
  /** Why it failed; undefined if it succeeded. */
  readonly problem: string | undefined
  /** Everything that it wrote. */
  readonly output: string
}

/** Runs a program with a given Node. Its child processes find the same Node as `node`. */
export async function runNode(
  { reaper, node, workspace, environment }: NodeRun,
  cwd: string,
  args: readonly string[],
  timeoutMillis: number,
): Promise<NodeRunEnd> {
  const { scratch } = workspace
  const path = [dirname(node.path), process.env.PATH].join(delimiter)
  const child = reaper.spawn(node.path, args, {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment, PATH: path, TMPDIR: scratch, NO_COLOR: '1' },
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
  }, timeoutMillis)
  const [code, signal] = await once(child, 'close').finally(() => clearTimeout(timer))
  return { problem: problemOf(code ?? signal, isLate && timeoutMillis), output }
}

function problemOf(end: number | string, lateMillis: number | false): string | undefined {
  if (lateMillis !== false) return `it had not ended after ${lateMillis / 1000} seconds`
  return end === 0 ? undefined : `it ended with ${end}`
}
