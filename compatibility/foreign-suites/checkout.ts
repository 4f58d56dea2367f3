import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cachedFolder } from '../../test/support/servers/cache-folder.ts'
import type { Reaper } from '../../test/support/servers/reaper.ts'
import { hash, install } from './install.ts'
import { addOwnPackage, ownDependencies } from './own-package.ts'
import { clone } from './repository.ts'
import type { Edit, ForeignSuite } from './suite.ts'

const inside = (file: string): string => fileURLToPath(new URL(`./inside/${file}`, import.meta.url))

/**
 * A folder in the user's cache folder with a suite's tests and everything that they load. Their `knex` is
 * replaced by a stand-in that makes a plain or a bound Knex.
 */
export async function checkOut(reaper: Reaper, suite: ForeignSuite): Promise<string> {
  const packages = [...ownDependencies(), ...suite.packages]
  const { name, version, repository, tag, edits = [] } = suite
  const recipe = hash({ repository, tag, packages, edits })
  const cached = `foreign-${name.replace('@', '').replace('/', '-')}-${recipe}`
  const folder = await cachedFolder(reaper, cached, async (draft) => {
    console.error(`foreign-suites: getting ${name} ${version} and what its tests load`)
    await clone(reaper, repository, tag, draft)
    for (const each of edits) edit(draft, each)
    prune(draft)
    await install(reaper, draft, packages)
  })
  // Taken from this working tree each time.
  standInForKnex(folder)
  addOwnPackage(folder)
  return folder
}

/** Removes packages that the repository itself would install. */
function prune(folder: string): void {
  const file = join(folder, 'package.json')
  const { name, type, exports, jest } = JSON.parse(readFileSync(file, 'utf8'))
  writeFileSync(file, JSON.stringify({ name, private: true, type, exports, jest }, null, 2))
  for (const lock of ['package-lock.json', 'yarn.lock', '.npmrc']) {
    rmSync(join(folder, lock), { force: true })
  }
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
