import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { cachedFolder } from '../../test/support/servers/cache-folder.ts'
import type { Reaper } from '../../test/support/servers/reaper.ts'
import { run } from '../../test/support/servers/run.ts'

/** The release whose tests run. The exceptions are about this release. */
export const KNEX_VERSION = '3.3.0'

const REPOSITORY = process.env.KNEX_REPOSITORY || 'https://github.com/knex/knex.git'

/** The packages that the tests of one database need, from all that Knex's development needs. */
const NEEDED = [
  '@tsconfig/node12',
  '@tsconfig/recommended',
  '@types/node',
  'JSONStream',
  'chai',
  'chai-as-promised',
  'chai-subset-in-order',
  'cli-testlab',
  'mocha',
  'rimraf',
  'sinon',
  'sinon-chai',
  'source-map-support',
  'tape',
  'typescript',
]

/** The parts of Knex's package.json that are read and changed. */
interface Manifest {
  devDependencies: Record<string, string>
  peerDependencies?: Record<string, string>
}

/** A folder in the user's cache folder with Knex's source, ready to run its tests. */
export function knexCheckout(reaper: Reaper): Promise<string> {
  const mysql2 = createRequire(import.meta.url)('mysql2/package.json').version as string
  const recipe = createHash('sha256').update(JSON.stringify(NEEDED)).digest('hex').slice(0, 8)
  const name = `knex-${KNEX_VERSION}-mysql2-${mysql2}-${recipe}`
  return cachedFolder(reaper, name, async (folder) => {
    console.error(`knex-suite: getting Knex ${KNEX_VERSION} from ${REPOSITORY}`)
    await run(reaper, 'git', [
      ...['clone', '--quiet', '--depth', '1', '--branch', KNEX_VERSION],
      ...['--config', 'advice.detachedHead=false', REPOSITORY, folder],
    ])
    prune(join(folder, 'package.json'), mysql2)
    const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock']
    await run(reaper, 'npm', ['install', '--prefix', folder, ...options])
    const tsc = join(folder, 'node_modules', 'typescript', 'bin', 'tsc')
    await run(reaper, process.execPath, [tsc, '-p', folder])
  })
}

/** Removes the drivers and tools of other databases, and takes our version of mysql2. */
function prune(file: string, mysql2: string): void {
  const manifest = JSON.parse(readFileSync(file, 'utf8')) as Manifest
  const wanted = Object.entries(manifest.devDependencies).filter(([name]) => NEEDED.includes(name))
  manifest.devDependencies = { ...Object.fromEntries(wanted), mysql2 }
  delete manifest.peerDependencies
  writeFileSync(file, JSON.stringify(manifest, null, 2))
}
