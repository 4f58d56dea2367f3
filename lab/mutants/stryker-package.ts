import { join } from 'node:path'
import { cachedFolder } from '../../test/support/servers/cache-folder.ts'
import { run } from '../../test/support/servers/run.ts'
import type { Reaper } from '../../test/support/servers.ts'

/** Not a dependency of the project: 60 MB for two commands. */
const STRYKER = '@stryker-mutator/core'
const VERSION = '10.1.1'

/** The folder of Stryker's packages, in the user's cache folder. */
export async function strykerPackages(reaper: Reaper): Promise<string> {
  const folder = await cachedFolder(reaper, `stryker-${VERSION}`, async (draft) => {
    console.error(`mutants: installing Stryker ${VERSION} from npm in the cache folder`)
    const options = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund']
    await run(reaper, 'npm', ['install', '--prefix', draft, ...options, `${STRYKER}@${VERSION}`])
  })
  return join(folder, 'node_modules', '@stryker-mutator')
}
