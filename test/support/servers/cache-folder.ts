import { existsSync, renameSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Reaper } from './reaper.ts'

/** Where things are kept that take time to make: in the user's cache directory. */
export function cacheFolder(): string {
  const base = process.env.XDG_CACHE_HOME || join(homedir(), '.cache')
  return join(base, 'tenant-knex')
}

/**
 * Gives a folder from the cache, filled the first time it is asked for.
 *
 * It is filled under another name and appears as a whole or not at all, also when several processes
 * do so at once.
 */
export async function cachedFolder(
  reaper: Reaper,
  name: string,
  fill: (folder: string) => Promise<void>,
): Promise<string> {
  const folder = join(cacheFolder(), name)
  if (existsSync(folder)) return folder
  const draft = reaper.temporaryFolder(cacheFolder(), `${name}.new-`)
  await fill(draft)
  publish(reaper, draft, folder)
  return folder
}

// Without a pause in it, or the reaper could be removing what is given its final name.
function publish(reaper: Reaper, draft: string, folder: string): void {
  if (reaper.isEnded) throw new Error('stopped')
  try {
    renameSync(draft, folder)
    reaper.keep(draft)
  } catch (error) {
    // Where another process was faster, the draft is removed in the end.
    if (!existsSync(folder)) throw error
  }
}
