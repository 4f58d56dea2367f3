import { mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hasApt, mayInstall, updateLists } from './apt.ts'
import { cachedFolder } from './cache-folder.ts'
import { useOwnLoader } from './own-loader.ts'
import { askVersion, isWanted, type Program, versionNumber } from './program.ts'
import type { Reaper } from './reaper.ts'
import { run } from './run.ts'
import { say } from './say.ts'
import { type ServerName, TITLES, versionVariable, wantedVersion } from './server-name.ts'

/** The Debian packages of a server, and the options that tell its program its location. */
interface Source {
  /** A code name if it is a release: `stable` changes its meaning. */
  readonly suite: string
  readonly packages: readonly string[]
  readonly megabytes: number
  readonly program: string
  readonly options: (usr: string) => string[]
}

const SOURCES: Readonly<Partial<Record<ServerName, Source>>> = {
  // The current long-term release, 11.8. An older Debian cannot install it beside its own.
  mariadb: {
    suite: 'trixie',
    // mariadb-install-db uses a program of the client packages.
    packages: ['mariadb-server-core', 'mariadb-client-core'],
    megabytes: 17,
    program: 'sbin/mariadbd',
    options: (usr) => [`--basedir=${usr}`],
  },
  // From Oracle, because no release of Debian has it.
  mysql: {
    suite: 'unstable',
    packages: ['mysql-server-core', 'mysql-client-core'],
    megabytes: 65,
    program: 'sbin/mysqld',
    options: (usr) => [
      `--basedir=${usr}`,
      `--lc-messages-dir=${join(usr, 'share/mysql')}`,
      `--plugin-dir=${join(usr, 'lib/mysql/plugin')}`,
    ],
  },
}

/**
 * Provides a server that this machine's packages do not have.
 *
 * Its packages and their dependencies, down to the C library, are unpacked into the user's cache folder. They
 * are never installed. The unpacked loader runs the server. apt's own state does not change.
 *
 * @throws Error if another version is requested than the one from Debian
 */
export async function unpackedProgram(
  reaper: Reaper,
  name: ServerName,
): Promise<Program | undefined> {
  const source = SOURCES[name]
  if (!source || !hasApt()) return undefined
  const folder = `debian-${source.suite}-${name}-${process.arch}`
  const prefix = await cachedFolder(reaper, folder, (draft) => unpack(reaper, name, source, draft))
  const program = programIn(prefix, source)
  if (isWanted(name, program.version)) return program
  const found = `${TITLES[name]} ${versionNumber(program.version)}`
  const wanted = `${wantedVersion(name)} of ${versionVariable(name)}`
  throw new Error(`Debian ${source.suite} has ${found}, not the ${wanted}`)
}

/** The origin of a server, for people. */
export function unpackedFrom(name: ServerName): string {
  return `unpacked from Debian ${SOURCES[name]?.suite}`
}

function programIn(prefix: string, source: Source): Program {
  const usr = join(prefix, 'usr')
  const command = join(usr, source.program)
  const args = ['--no-defaults', ...source.options(usr)]
  return { command, args, version: askVersion({ command, args }) }
}

async function unpack(
  reaper: Reaper,
  name: ServerName,
  source: Source,
  prefix: string,
): Promise<void> {
  const site = await debianSite(reaper)
  const { suite, megabytes } = source
  const what = `downloading it from Debian ${suite}, to be unpacked in the cache folder`
  say(`${TITLES[name]}: ${what} (${megabytes} MB)`)
  const work = reaper.temporaryFolder(tmpdir(), 'tenant-knex-apt-')
  const packages = await download(reaper, work, site, source)
  for (const file of packages) await run(reaper, 'dpkg', ['-x', file, prefix])
  await useOwnLoader(prefix)
  await rm(work, { recursive: true })
}

async function download(
  reaper: Reaper,
  work: string,
  site: string,
  { suite, packages }: Source,
): Promise<string[]> {
  const archives = join(work, 'cache/archives')
  await mkdir(join(archives, 'partial'), { recursive: true })
  await mkdir(join(work, 'state/lists/partial'), { recursive: true })
  await writeFile(join(work, 'sources.list'), `deb ${site} ${suite} main\n`)
  // An empty status file: apt downloads all dependencies.
  await writeFile(join(work, 'status'), '')
  const options = privateApt(work)
  await run(reaper, 'apt-get', [...options, 'update'])
  await run(reaper, 'apt-get', [...options, 'install', '-y', '--download-only', ...packages])
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
    // A list that cannot be downloaded is an error.
    'APT::Update::Error-Mode=any',
    // apt's own user cannot enter the folder.
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option])
}

// The site from which this machine gets Debian packages.
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
