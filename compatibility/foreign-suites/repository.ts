import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Reaper } from '../../test/support/servers/reaper.ts'
import { run } from '../../test/support/servers/run.ts'

/** Local copies of repositories, in folders named `owner+name` or `owner+name/repo`. */
const LOCAL = process.env.FOREIGN_REPOSITORIES

/** Clones a tag of a repository into an empty folder. */
export async function clone(
  reaper: Reaper,
  repository: string,
  tag: string,
  folder: string,
): Promise<void> {
  const options = ['--quiet', '--depth', '1', '--config', 'advice.detachedHead=false']
  await run(reaper, 'git', ['clone', ...options, '--branch', tag, sourceOf(repository), folder])
}

function sourceOf(repository: string): string {
  if (LOCAL) {
    const named = join(LOCAL, repository.replace('/', '+'))
    // With a scheme, because git copies a plain path completely.
    for (const folder of [join(named, 'repo'), named])
      if (isRepository(folder)) return `file://${folder}`
  }
  return `https://github.com/${repository}.git`
}

function isRepository(folder: string): boolean {
  return ['.git', 'HEAD'].some((name) => existsSync(join(folder, name)))
}
