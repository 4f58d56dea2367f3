import { hasApt, installPackages, mayInstall } from './servers/apt.ts'
import { startContainer } from './servers/docker.ts'
import { findProgram, type Program, versionNumber } from './servers/program.ts'
import { untilReachable } from './servers/reachable.ts'
import { Reaper } from './servers/reaper.ts'
import { messageOf } from './servers/run.ts'
import { say } from './servers/say.ts'
import { type ServerName, TITLES, urlVariable } from './servers/server-name.ts'
import { startThrowaway } from './servers/throwaway.ts'
import { unpackedMysql } from './servers/unpacked-mysql.ts'

export { Reaper } from './servers/reaper.ts'
export { SERVER_NAMES, type ServerName, urlVariable } from './servers/server-name.ts'

/** What to start, and who cleans up. */
export interface ServersOptions {
  readonly need: readonly ServerName[]
  /** Ends what is started. @defaultValue a new one, which `stop()` ends */
  readonly reaper?: Reaper
}

/** Servers that answer. They last until `stop()`, and never longer than this process. */
export interface Servers {
  /** Where they are; those that could not be had are missing. */
  readonly urls: Readonly<Partial<Record<ServerName, string>>>
  /** Ends those that were started here, and removes their data. */
  stop(): Promise<void>
}

interface Found {
  readonly url: string
  /** Where it comes from, for people. */
  readonly origin: string
  readonly stop?: () => Promise<void>
}

type Way = (name: ServerName, reaper: Reaper) => Promise<Found | undefined>

// In this order: what someone chose, what needs nothing, what is there, what can be had.
const WAYS: readonly Way[] = [fromEnvironment, fromDocker, fromInstalled, fromDebian]

const PACKAGES: Readonly<Partial<Record<ServerName, readonly string[]>>> = {
  // mariadb-install-db needs a program of the client package.
  mariadb: ['mariadb-server-core', 'mariadb-client-core'],
  redis: ['redis-tools'],
}

/**
 * Finds or starts servers for tests, benchmarks and demos: those given by environment variables, else containers,
 * else installed programs, else, on Debian as root, packages. Says on standard error which.
 *
 * MariaDB is required. A missing MySQL or Redis is said loudly, and is a failure where `CI` is set.
 *
 * @throws Error when a server that is required could not be had; nothing is left running then.
 */
export async function startServers(options: ServersOptions): Promise<Servers> {
  const reaper = options.reaper ?? new Reaper()
  const found = new Map<ServerName, Found>()
  const stop = async (): Promise<void> => {
    await Promise.all([...found.values()].map((server) => server.stop?.()))
    await reaper.end()
  }
  const results = await Promise.allSettled(
    options.need.map(async (name) => {
      const server = await obtain(name, reaper)
      if (server) found.set(name, server)
    }),
  )
  try {
    for (const result of results) if (result.status === 'rejected') throw result.reason
    reportMissing(options.need.filter((name) => !found.has(name)))
  } catch (error) {
    await stop()
    throw error
  }
  const urls = Object.fromEntries([...found].map(([name, { url }]) => [name, url]))
  return { urls, stop }
}

/** Just one MariaDB: for demos. */
export async function startMariadb(): Promise<{ url: string; stop(): Promise<void> }> {
  const { urls, stop } = await startServers({ need: ['mariadb'] })
  return { url: urls.mariadb as string, stop }
}

async function obtain(name: ServerName, reaper: Reaper): Promise<Found | undefined> {
  const since = Date.now()
  for (const way of WAYS) {
    const server = await attempt(way, name, reaper)
    if (!server) continue
    const seconds = ((Date.now() - since) / 1000).toFixed(1)
    say(`${TITLES[name]} ${server.origin} at ${new URL(server.url).host} (${seconds} s)`)
    return server
  }
  return undefined
}

async function attempt(way: Way, name: ServerName, reaper: Reaper): Promise<Found | undefined> {
  try {
    return await way(name, reaper)
  } catch (error) {
    // A server that someone chose is not replaced by another.
    if (reaper.isEnded || way === fromEnvironment) throw error
    say(`${TITLES[name]}: ${messageOf(error)}`)
    return undefined
  }
}

async function fromEnvironment(name: ServerName): Promise<Found | undefined> {
  const variable = urlVariable(name)
  const url = process.env[variable]
  if (!url) return undefined
  try {
    await untilReachable(url, 10_000)
  } catch (cause) {
    throw new Error(`${variable} is set, but nothing is to be had there: ${messageOf(cause)}`, {
      cause,
    })
  }
  return { url, origin: `of ${variable}` }
}

async function fromDocker(name: ServerName): Promise<Found | undefined> {
  const container = await startContainer(name)
  return container && { ...container, origin: `in a container of ${container.image}` }
}

async function fromInstalled(name: ServerName, reaper: Reaper): Promise<Found | undefined> {
  const program = findProgram(name)
  return program && start(name, program, program.command, reaper)
}

async function fromDebian(name: ServerName, reaper: Reaper): Promise<Found | undefined> {
  const packages = PACKAGES[name]
  if (packages) return fromPackages(name, packages, reaper)
  const program = await unpackedMysql(reaper)
  return program && start(name, program, 'unpacked from Debian unstable', reaper)
}

async function fromPackages(
  name: ServerName,
  packages: readonly string[],
  reaper: Reaper,
): Promise<Found | undefined> {
  if (!mayInstall()) return undefined
  say(`${TITLES[name]}: installing ${packages.join(' and ')} with apt`)
  await installPackages(packages)
  return fromInstalled(name, reaper)
}

async function start(
  name: ServerName,
  program: Program,
  from: string,
  reaper: Reaper,
): Promise<Found> {
  const url = await startThrowaway(reaper, name, program)
  return { url, origin: `${versionNumber(program.version)} (${from})` }
}

function reportMissing(missing: readonly ServerName[]): void {
  for (const name of missing) say(`NO ${TITLES[name].toUpperCase()}: ${advice(name)}`)
  const fatal = missing.filter((name) => name === 'mariadb' || process.env.CI)
  if (fatal.length === 0) return
  throw new Error(`${fatal.map((name) => TITLES[name]).join(' and ')} could not be had`)
}

function advice(name: ServerName): string {
  const packages = PACKAGES[name]
  const how = hasApt() && packages ? ` (as root: apt-get install ${packages.join(' ')})` : ''
  return `install it${how}, or start Docker, or set ${urlVariable(name)}; what needs it will not run`
}
