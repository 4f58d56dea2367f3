import { createHash } from 'node:crypto'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cachedFolder } from '../../test/support/servers/cache-folder.ts'
import type { Reaper } from '../../test/support/servers/reaper.ts'
import { run } from '../../test/support/servers/run.ts'
import { clone } from './repository.ts'
import type { Edit, ForeignSuite } from './suite.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const inside = (file: string): string => fileURLToPath(new URL(`./inside/${file}`, import.meta.url))
/** What tenant-knex loads: in the versions that are installed here. */
const OURS = ['cookie', 'keyv', 'knex', 'lru.min', 'mysql2', 'tarn']
const INSTALL = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock']
// Some of the packages ask for an older Knex.
const ANY_PEER = '--legacy-peer-deps'

/**
 * A folder with a suite's tests and all that they load, kept in the user's cache folder. What they
 * get as `knex` is a stand-in for it, which makes a plain or a bound Knex.
 */
export async function checkOut(reaper: Reaper, suite: ForeignSuite): Promise<string> {
  const packages = [...OURS.map(installedHere), ...suite.packages]
  const { repository, tag, edits = [] } = suite
  const recipe = JSON.stringify({ repository, tag, packages, edits })
  const root = await cachedFolder(
    reaper,
    `foreign-${nameOf(suite)}-${hash(recipe)}`,
    async (to) => {
      console.error(
        `foreign-suites: getting ${suite.name} ${suite.version} and what its tests load`,
      )
      await clone(reaper, repository, tag, to)
      for (const each of edits) edit(to, each)
      await install(reaper, to, packages)
    },
  )
  // These are as this working tree has them.
  standInForKnex(root)
  addOwnPackage(root)
  return join(root, suite.folder ?? '.')
}

/** A name that files and databases can have. */
export function nameOf({ name }: Pick<ForeignSuite, 'name'>): string {
  return name.replace('@', '').replaceAll(/\W/g, '-')
}

/** Installs these packages and no others, whatever the repository's own package.json wants. */
async function install(reaper: Reaper, folder: string, packages: readonly string[]): Promise<void> {
  const file = join(folder, 'package.json')
  const { type, jest } = JSON.parse(readFileSync(file, 'utf8'))
  writeFileSync(file, JSON.stringify({ private: true, type, jest }, null, 2))
  for (const name of ['package-lock.json', 'yarn.lock', '.npmrc'])
    rmSync(join(folder, name), { force: true })
  await run(reaper, 'npm', ['install', '--prefix', folder, ...INSTALL, ANY_PEER, ...packages])
}

function edit(folder: string, { file, from, to }: Edit): void {
  const path = join(folder, file)
  const text = readFileSync(path, 'utf8')
  if (!text.includes(from)) throw new Error(`${file} does not have: ${from}`)
  writeFileSync(
    path,
    text.replaceAll(from, () => to),
  )
}

function standInForKnex(folder: string): void {
  const knex = join(folder, 'node_modules', 'knex')
  cpSync(inside('knex.cjs'), join(knex, 'knex.js'))
  cpSync(inside('neighbour.cjs'), join(knex, 'neighbour.cjs'))
  writeFileSync(
    join(knex, 'knex.mjs'),
    `import knex from './knex.js'\nexport { knex }\nexport default knex\n`,
  )
}

/** As its users install it: beside the Knex and the mysql2 that the tests load. */
function addOwnPackage(folder: string): void {
  const own = join(folder, 'node_modules', 'tenant-knex')
  rmSync(own, { recursive: true, force: true })
  for (const name of ['package.json', 'dist']) {
    cpSync(join(ROOT, name), join(own, name), { recursive: true })
  }
}

function installedHere(name: string): string {
  const file = join(ROOT, 'node_modules', name, 'package.json')
  return `${name}@${JSON.parse(readFileSync(file, 'utf8')).version}`
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8)
}
