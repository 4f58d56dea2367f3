import { readdirSync } from 'node:fs'
import { join, posix, relative, sep } from 'node:path'

/** Every TypeScript file under a folder, by its name from the root, in order. */
export function filesUnder(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll(sep, posix.sep))
    .sort()
}
