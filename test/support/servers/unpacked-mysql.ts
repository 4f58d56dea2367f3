import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hasApt, mayInstall, updateLists } from './apt.ts'
import { cachedFolder } from './cache-folder.ts'
import { askVersion, type Program } from './program.ts'
import type { Reaper } from './reaper.ts'
import { run } from './run.ts'
import { say } from './say.ts'

/**
 * Gives Oracle's MySQL, which Debian has in its unstable suite only.
 *
 * Its packages and all that they need, down to the C library, are unpacked into the user's cache
 * folder and never installed: the server runs by the loader that came along. apt keeps its state.
 */
export async function unpackedMysql(reaper: Reaper): Promise<Program | undefined> {
  if (!hasApt()) return undefined
  const prefix = await cachedFolder(reaper, `mysql-debian-unstable-${process.arch}`, (folder) =>
    unpack(reaper, folder),
  )
  return programIn(prefix)
}

async function programIn(prefix: string): Promise<Program> {
  const libraries = await onlyEntry(join(prefix, 'usr/lib'), /-linux-gnu/)
  const command = await onlyEntry(libraries, /^ld-linux.*\.so\.\d+$/)
  const args = [
    '--library-path',
    `${libraries}:${join(libraries, 'mysql/private')}`,
    join(prefix, 'usr/sbin/mysqld'),
    '--no-defaults',
    `--basedir=${join(prefix, 'usr')}`,
    `--lc-messages-dir=${join(prefix, 'usr/share/mysql')}`,
    `--plugin-dir=${join(prefix, 'usr/lib/mysql/plugin')}`,
  ]
  return { command, args, version: askVersion({ command, args }) }
}

async function onlyEntry(folder: string, pattern: RegExp): Promise<string> {
  const entry = (await readdir(folder)).find((name) => pattern.test(name))
  if (entry === undefined) throw new Error(`${folder} has no ${pattern}`)
  return join(folder, entry)
}

async function unpack(reaper: Reaper, prefix: string): Promise<void> {
  const site = await debianSite(reaper)
  say('MySQL: downloading it from Debian unstable, to be unpacked in the cache folder (65 MB)')
  const work = reaper.temporaryFolder(tmpdir(), 'tenant-knex-apt-')
  const packages = await download(reaper, work, site)
  for (const file of packages) await run(reaper, 'dpkg', ['-x', file, prefix])
  await rm(work, { recursive: true })
}

async function download(reaper: Reaper, work: string, site: string): Promise<string[]> {
  const archives = join(work, 'cache/archives')
  await mkdir(join(archives, 'partial'), { recursive: true })
  await mkdir(join(work, 'state/lists/partial'), { recursive: true })
  await writeFile(join(work, 'sources.list'), `deb ${site} unstable main\n`)
  // With nothing installed, everything needed is downloaded.
  await writeFile(join(work, 'status'), '')
  const options = privateApt(work)
  await run(reaper, 'apt-get', [...options, 'update'])
  const wanted = ['mysql-server-core', 'mysql-client-core']
  await run(reaper, 'apt-get', [...options, 'install', '-y', '--download-only', ...wanted])
  const files = await readdir(archives)
  return files.filter((file) => file.endsWith('.deb')).map((file) => join(archives, file))
}

function privateApt(work: string): string[] {
  return [
    `Dir::State=${join(work, 'state')}`,
    `Dir::State::status=${join(work, 'status')}`,
    `Dir::Cache=${join(work, 'cache')}`,
    `Dir::Etc::SourceList=${join(work, 'sources.list')}`,
    'Dir::Etc::SourceParts=/dev/null',
    'APT::Install-Recommends=false',
    'Acquire::Languages=none',
    // A list that could not be had is an error.
    'APT::Update::Error-Mode=any',
    // apt's own user could not enter the folder.
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option])
}

// Where this machine gets its Debian from.
async function debianSite(reaper: Reaper): Promise<string> {
  const known = await askSite(reaper)
  if (known !== undefined) return known
  if (mayInstall()) await updateLists(reaper)
  const site = await askSite(reaper)
  if (site === undefined) throw new Error('apt has no list of packages that comes from Debian')
  return site
}

async function askSite(reaper: Reaper): Promise<string | undefined> {
  const format = ['--format', '$(SITE)', 'Created-By: Packages', 'Label: Debian']
  const sites = await run(reaper, 'apt-get', ['indextargets', ...format])
  return sites.split('\n').find(Boolean)
}
