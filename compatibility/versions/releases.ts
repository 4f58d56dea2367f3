import { readFileSync } from 'node:fs'
import { run } from '../../test/support/servers/run.ts'
import type { Reaper } from '../../test/support/servers.ts'
import type { LibraryVersion, Wanted } from './arguments.ts'

const PACKAGE = new URL('../../package.json', import.meta.url)

/** Versions that are tested together. */
export interface Libraries {
  readonly knex: string
  readonly mysql2: string
}

type Library = keyof Libraries

/**
 * Resolves "lowest" and "newest" to versions, by the peer ranges in package.json, in pairs.
 *
 * @throws Error if a version is outside its range or does not exist
 */
export async function resolveLibraries(reaper: Reaper, wanted: Wanted): Promise<Libraries[]> {
  const allowed = { knex: await allow(reaper, 'knex'), mysql2: await allow(reaper, 'mysql2') }
  const pairs: Libraries[] = []
  for (const knex of wanted.knex.map((version) => pick('knex', version, allowed.knex))) {
    const beside = knex === allowed.knex[0] ? 'lowest' : 'newest'
    for (const version of wanted.mysql2.length > 0 ? wanted.mysql2 : [beside as LibraryVersion]) {
      pairs.push({ knex, mysql2: pick('mysql2', version, allowed.mysql2) })
    }
  }
  return pairs.filter(isFirst)
}

/** The newest version that a range allows, by npm's registry. */
export async function newestRelease(reaper: Reaper, name: string, range: string): Promise<string> {
  return (await releases(reaper, name, range)).at(-1) as string
}

function allow(reaper: Reaper, library: Library): Promise<string[]> {
  const { peerDependencies } = JSON.parse(readFileSync(PACKAGE, 'utf8'))
  return releases(reaper, library, peerDependencies[library])
}

function pick(library: Library, version: LibraryVersion, allowed: readonly string[]): string {
  const [lowest = ''] = allowed
  const newest = allowed.at(-1) ?? ''
  if (version === 'lowest') return lowest
  if (version === 'newest') return newest
  if (allowed.includes(version)) return version
  throw new Error(`--${library} ${version} is not allowed: from ${lowest} to ${newest} there are
${allowed.join(', ')}`)
}

// In ascending order. The registry's order may differ.
async function releases(reaper: Reaper, name: string, range: string): Promise<string[]> {
  const output = await run(reaper, 'npm', ['view', `${name}@${range}`, 'version', '--json'])
  const found = parseVersions(output)
  if (found.length === 0) throw new Error(`npm has no ${name} ${range}`)
  return found.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
}

// npm prints a list, or a single version. Warnings may come before it.
function parseVersions(output: string): string[] {
  return [...output.matchAll(/^\s*"(\d+\.\d+\.\d+)",?$/gm)].map(([, version = '']) => version)
}

function isFirst(pair: Libraries, index: number, pairs: readonly Libraries[]): boolean {
  const same = ({ knex, mysql2 }: Libraries) => knex === pair.knex && mysql2 === pair.mysql2
  return pairs.findIndex(same) === index
}
