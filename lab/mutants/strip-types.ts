import { findNode, type NodeBinary } from '../../compatibility/versions/node-binary.ts'
import type { Reaper } from '../../test/support/servers.ts'

const LOWEST_NODE = 22

/** Finds a Node that strips types itself. A source then runs as written, and starts quickly. */
export async function nodeThatStripsTypes(reaper: Reaper): Promise<NodeBinary> {
  const version = process.versions.node
  const isEnough = Number.parseInt(version, 10) >= LOWEST_NODE
  return isEnough ? { version, path: process.execPath } : findNode(reaper, `${LOWEST_NODE}`)
}
