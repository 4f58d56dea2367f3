import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { isBrief } from './brief.ts'
import type { createTenantKnex } from './package.ts'

const [SOURCE, EXTENSION] = isBrief ? ['../../src/', 'ts'] : ['../../dist/esm/', 'js']

/** A folder from which imports of packages are resolved. */
const PLACE = fileURLToPath(new URL('../../node_modules/.cache/', import.meta.url))

/** Loads a module of a copy, by its path in the source without its extension. */
export type LoadModule = <Module>(path: string) => Promise<Module>

/**
 * A second copy of the package in this process with its own modules. A function changes them before their
 * first use. The first copy is unchanged.
 */
export async function copyPackage(
  change: (load: LoadModule) => Promise<void>,
): Promise<typeof createTenantKnex> {
  mkdirSync(PLACE, { recursive: true })
  const folder = mkdtempSync(`${PLACE}tenant-knex-`)
  try {
    cpSync(fileURLToPath(new URL(SOURCE, import.meta.url)), folder, { recursive: true })
    writeFileSync(`${folder}/package.json`, '{ "type": "module" }')
    const load: LoadModule = (path) => import(`${folder}/${path}.${EXTENSION}`)
    await change(load)
    const index = await load<typeof import('../../src/index.ts')>('index')
    return index.createTenantKnex
  } finally {
    rmSync(folder, { recursive: true })
  }
}
