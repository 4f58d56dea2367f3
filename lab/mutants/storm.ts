import type { Reaper } from '../../test/support/servers.ts'
import { runNode } from './run-node.ts'
import type { Workspace } from './workspace.ts'

const OPERATIONS = 20_000
const STORM = ['lab/storm/main.ts', '--server', 'mariadb', '--seeds', '1', '--fault-every', '50']
const LIMIT_MILLIS = 600_000

/** Measures how many operations a storm needs to detect the defect in a workspace. */
export async function stormOperations(reaper: Reaper, workspace: Workspace): Promise<string> {
  const args = [...STORM, '--operations', `${OPERATIONS}`]
  const { code, output } = await runNode(reaper, workspace, args, LIMIT_MILLIS)
  if (code === undefined) return 'it does not end'
  if (code === 0) return `not within ${OPERATIONS}`
  const found = [...output.matchAll(/^VIOLATION in operation (\d+):/gm)].map(([, n]) => Number(n))
  if (found.length === 0) return 'it breaks'
  // Problems that are found at the end belong to no operation.
  const first = Math.min(...found.map((number) => number || OPERATIONS))
  return `${first}`
}
