import { hasApt, installPackages, mayInstall } from './apt.ts'
import { startContainer } from './docker.ts'
import { findProgram, type Program, versionNumber } from './program.ts'
import { untilReachable } from './reachable.ts'
import type { Reaper } from './reaper.ts'
import { messageOf } from './run.ts'
import { say } from './say.ts'
import { type ServerName, TITLES, urlVariable, wantedVersion } from './server-name.ts'
import { startThrowaway } from './throwaway.ts'
import { unpackedFrom, unpackedProgram } from './unpacked.ts'

const CHOSEN_TIMEOUT_MILLIS = 10_000

/** A running server. */
export interface Found {
  readonly url: string
  /** A description of it, for people. */
  readonly origin: string
  /** Stops it, if the reaper does not. */
  readonly stop?: () => Promise<void>
}

type Way = (name: ServerName, reaper: Reaper) => Promise<Found | undefined>

// In this order: chosen by the user, without traces, already present, available for download.
const WAYS: readonly Way[] = [fromEnvironment, fromDocker, fromInstalled, fromDebian]

const PACKAGES: Readonly<Partial<Record<ServerName, readonly string[]>>> = {
  // mariadb-install-db uses a program of the client packages.
  mariadb: ['mariadb-server-core', 'mariadb-client-core'],
  // It contains the server (see program.ts). Unlike redis-server it starts no service.
  redis: ['redis-tools'],
}

/**
 * Finds a server in the first way that works. Prints the way, and the failures before it.
 *
 * @throws Error if the environment names one that does not answer: the user's choice is never replaced
 */
export async function obtain(name: ServerName, reaper: Reaper): Promise<Found | undefined> {
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

/** Advice for a server that could not be started. */
export function advice(name: ServerName): string {
  const packages = installable(name)
  const how = hasApt() && packages ? ` (as root: apt-get install ${packages.join(' ')})` : ''
  return `install it${how}, or start Docker, or set ${urlVariable(name)}`
}

async function attempt(way: Way, name: ServerName, reaper: Reaper): Promise<Found | undefined> {
  try {
    return await way(name, reaper)
  } catch (error) {
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
    await untilReachable(url, CHOSEN_TIMEOUT_MILLIS)
  } catch (cause) {
    throw new Error(`${variable} is set, but does not work: ${messageOf(cause)}`, { cause })
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
  const packages = installable(name)
  if (packages && mayInstall()) return fromPackages(name, packages, reaper)
  const program = await unpackedProgram(reaper, name)
  return program && start(name, program, unpackedFrom(name), reaper)
}

// The version in apt depends on the system, so this works only if any version is fine.
function installable(name: ServerName): readonly string[] | undefined {
  return wantedVersion(name) === undefined ? PACKAGES[name] : undefined
}

async function fromPackages(
  name: ServerName,
  packages: readonly string[],
  reaper: Reaper,
): Promise<Found | undefined> {
  say(`${TITLES[name]}: installing ${packages.join(' and ')} with apt`)
  await installPackages(reaper, packages)
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
