import { existsSync, renameSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Reaper } from './reaper.ts'

/** The folder in the user's cache directory for everything that takes long to make. */
export function cacheFolder(): string {
  const base = process.env.XDG_CACHE_HOME || join(homedir(), '.cache')
  return join(base, 'tenant-knex')
}

/**
 * Returns a folder from the cache, and fills it at the first request.
 *
 * It is filled under another name and then renamed. So it is complete or absent, even if several processes
 * fill it at once.
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

// Synchronous. Otherwise the reaper could remove the folder while it gets its final name.
function publish(reaper: Reaper, draft: string, folder: string): void {
  if (reaper.isEnded) throw new Error('stopped')
  try {
    renameSync(draft, folder)
    reaper.keep(draft)
  } catch (error) {
    // Another process was faster: the reaper removes the draft later.
    if (!existsSync(folder)) throw error
  }
}
