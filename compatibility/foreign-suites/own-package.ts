import { cpSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const LOADED = ['cookie', 'keyv', 'knex', 'lru.min', 'mysql2']

/** The packages that tenant-knex loads, in the versions that are installed here. */
export function ownDependencies(): string[] {
  return LOADED.map((name) => {
    const file = join(ROOT, 'node_modules', name, 'package.json')
    return `${name}@${JSON.parse(readFileSync(file, 'utf8')).version}`
  })
}

/** Copies the built tenant-knex into a folder, beside its Knex and mysql2. */
export function addOwnPackage(folder: string): void {
  const own = join(folder, 'node_modules', 'tenant-knex')
  rmSync(own, { recursive: true, force: true })
  for (const name of ['package.json', 'dist']) {
    cpSync(join(ROOT, name), join(own, name), { recursive: true })
  }
}
