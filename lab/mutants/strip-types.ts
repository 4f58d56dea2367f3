import { findNode, type NodeBinary } from '../../compatibility/versions/node-binary.ts'
import type { Reaper } from '../../test/support/servers.ts'

const LOWEST_NODE = 22

/** Gives a Node that strips types by itself: a source then runs as it is written, and starts soon. */
export async function nodeThatStripsTypes(reaper: Reaper): Promise<NodeBinary> {
  const version = process.versions.node
  const isEnough = Number.parseInt(version, 10) >= LOWEST_NODE
  return isEnough ? { version, path: process.execPath } : findNode(reaper, `${LOWEST_NODE}`)
}
