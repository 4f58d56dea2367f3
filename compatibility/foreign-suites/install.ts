import { createHash } from 'node:crypto'
import type { Reaper } from '../../test/support/servers/reaper.ts'
import { run } from '../../test/support/servers/run.ts'

const OPTIONS = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock']
// Some packages require an older Knex.
const ANY_PEER = '--legacy-peer-deps'

/** Installs packages in the given versions, in a folder that has a package.json. */
export async function install(
  reaper: Reaper,
  folder: string,
  packages: readonly string[],
): Promise<void> {
  await run(reaper, 'npm', ['install', '--prefix', folder, ...OPTIONS, ANY_PEER, ...packages])
}

/** A short name for a cached folder, from everything that it is made of. */
export function hash(recipe: unknown): string {
  return createHash('sha256').update(JSON.stringify(recipe)).digest('hex').slice(0, 8)
}
