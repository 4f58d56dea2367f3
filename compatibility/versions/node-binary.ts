import { join } from 'node:path'
import { cachedFolder } from '../../test/support/servers/cache-folder.ts'
import { run } from '../../test/support/servers/run.ts'
import type { Reaper } from '../../test/support/servers.ts'
import { newestRelease } from './releases.ts'
import { say } from './say.ts'

/** An executable Node. */
export interface NodeBinary {
  readonly version: string
  readonly path: string
}

/**
 * Finds a Node whose version begins with this text: the running one, or else the newest from npm, which is
 * kept in the user's cache folder.
 *
 * @throws Error if npm has none for this platform
 */
export async function findNode(reaper: Reaper, beginning: string): Promise<NodeBinary> {
  const current = process.versions.node
  if (`${current}.`.startsWith(`${beginning}.`)) return { version: current, path: process.execPath }
  const name = `node-${process.platform}-${process.arch}`
  const version = await newestRelease(reaper, name, beginning)
  const folder = await cachedFolder(reaper, `${name}-${version}`, async (draft) => {
    say(`Node ${version}: installing it from npm in the cache folder`)
    const options = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund']
    await run(reaper, 'npm', ['install', '--prefix', draft, ...options, `${name}@${version}`])
  })
  return { version, path: join(folder, 'node_modules', name, 'bin', 'node') }
}
