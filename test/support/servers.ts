import { Reaper } from './servers/reaper.ts'
import { say } from './servers/say.ts'
import {
  SERVER_NAMES,
  type ServerName,
  TITLES,
  urlVariable,
  wantedVersion,
} from './servers/server-name.ts'
import { advice, type Found, obtain } from './servers/ways.ts'

export { Reaper } from './servers/reaper.ts'
export { SERVER_NAMES, type ServerName, urlVariable } from './servers/server-name.ts'

/** The servers to start, and their reaper. */
export interface ServersOptions {
  readonly need: readonly ServerName[]
  /**
   * Ends the started servers.
   *
   * @defaultValue a new one
   */
  readonly reaper?: Reaper
}

/** Running servers. They run until `stop()`, and never longer than this process. */
export interface Servers {
  /** The URLs of the servers. A server that could not be started is missing. */
  readonly urls: Readonly<Partial<Record<ServerName, string>>>
  /** The names of the servers, for people: `MariaDB 11.8.9 (unpacked from Debian trixie)`. */
  readonly titles: readonly string[]
  /** Ends the servers that were started here, with the reaper, and removes their data. */
  stop(): Promise<void>
}

/**
 * Finds or starts servers for tests, benchmarks and demos. It tries in this order: environment variables
 * (`TENANT_KNEX_MARIADB_URL` and so on), containers, installed programs, and, on Debian, packages. It prints
 * its choice and its progress to standard error.
 *
 * MariaDB is required, and so is any server for which a version is requested. If another MySQL or Redis is
 * missing, it prints a clear message; if `CI` is set, it fails.
 *
 * @throws Error if a required server could not be started; then no server is left running
 */
export async function startServers(options: ServersOptions): Promise<Servers> {
  const reaper = options.reaper ?? new Reaper()
  const found = new Map<ServerName, Found>()
  const stop = async (): Promise<void> => {
    await Promise.all([...found.values()].map((server) => server.stop?.()))
    await reaper.end()
  }
  try {
    await obtainAll(options.need, reaper, found)
  } catch (error) {
    await stop()
    throw error
  }
  const urls = Object.fromEntries([...found].map(([name, { url }]) => [name, url]))
  const titles = [...found].map(([name, { origin }]) => `${TITLES[name]} ${origin}`)
  return { urls, titles, stop }
}

/** The environment variables that tell a process the servers' URLs. */
export function urlVariables({ urls }: Pick<Servers, 'urls'>): Record<string, string> {
  const named = SERVER_NAMES.map((name) => [urlVariable(name), urls[name]] as const)
  return Object.fromEntries(
    named.flatMap(([name, url]) => (url === undefined ? [] : [[name, url]])),
  )
}

/** True if the environment names servers. Then each start gives the same ones. */
export function areServersNamed(): boolean {
  return SERVER_NAMES.some((name) => process.env[urlVariable(name)])
}

/**
 * Starts servers for each of two runs of tests at once, because tests wait for servers most of the time. If
 * the environment names servers, there is one run.
 */
export async function startLanes(reaper: Reaper): Promise<Servers[]> {
  const lanes: Servers[] = []
  // One after the other: the first may have to install them.
  for (let count = areServersNamed() ? 1 : 2; count > 0; count--) {
    lanes.push(await startServers({ need: SERVER_NAMES, reaper }))
  }
  return lanes
}

/** Starts one MariaDB, which is enough for a demo. */
export async function startMariadb(): Promise<{ url: string; stop(): Promise<void> }> {
  const { urls, stop } = await startServers({ need: ['mariadb'] })
  return { url: urls.mariadb as string, stop }
}

async function obtainAll(
  names: readonly ServerName[],
  reaper: Reaper,
  found: Map<ServerName, Found>,
): Promise<void> {
  const obtained = names.map(async (name) => {
    const server = await obtain(name, reaper)
    if (server) found.set(name, server)
  })
  // All have to settle first, because a server that is still starting could not be stopped.
  for (const result of await Promise.allSettled(obtained)) {
    if (result.status === 'rejected') throw result.reason
  }
  reportMissing(names.filter((name) => !found.has(name)))
}

function reportMissing(names: readonly ServerName[]): void {
  for (const name of names) {
    say(`NO ${TITLES[name].toUpperCase()}, what needs it will not run: ${advice(name)}`)
  }
  const required = names.filter(isRequired)
  if (required.length === 0) return
  throw new Error(`${required.map((name) => TITLES[name]).join(' and ')} could not be started`)
}

// A server that the user has chosen is required.
function isRequired(name: ServerName): boolean {
  return name === 'mariadb' || Boolean(process.env.CI) || wantedVersion(name) !== undefined
}
