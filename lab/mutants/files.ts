import { readdirSync } from 'node:fs'
import { join, posix, relative, sep } from 'node:path'

/** All TypeScript files under a folder, by their paths from the root, in order. */
export function filesUnder(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll(sep, posix.sep))
    .sort()
}
