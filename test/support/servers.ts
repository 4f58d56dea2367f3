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

/** What to start, and who cleans up. */
export interface ServersOptions {
  readonly need: readonly ServerName[]
  /**
   * Ends what is started.
   *
   * @defaultValue a new one
   */
  readonly reaper?: Reaper
}

/** Servers that answer. They last until `stop()`, and never longer than this process. */
export interface Servers {
  /** Where they are; those that could not be had are missing. */
  readonly urls: Readonly<Partial<Record<ServerName, string>>>
  /** What they are, for people: `MariaDB 11.8.9 (unpacked from Debian trixie)`. */
  readonly titles: readonly string[]
  /** Ends those that were started here, with the reaper, and removes their data. */
  stop(): Promise<void>
}

/**
 * Finds or starts servers for tests, benchmarks and demos: those that environment variables name
 * (`TENANT_KNEX_MARIADB_URL` and so on), else containers, else installed programs, else, on Debian,
 * packages. Says on standard error which, and what it is doing.
 *
 * MariaDB is required, and any server of which a certain version is asked for. Else a missing MySQL
 * or Redis is said loudly, and is a failure where `CI` is set.
 *
 * @throws Error when a required server could not be had; nothing is left running then.
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

/** What tells a process where servers are. */
export function urlVariables({ urls }: Pick<Servers, 'urls'>): Record<string, string> {
  const named = SERVER_NAMES.map((name) => [urlVariable(name), urls[name]] as const)
  return Object.fromEntries(
    named.flatMap(([name, url]) => (url === undefined ? [] : [[name, url]])),
  )
}

/** Whether the environment names servers: each start then gives the same ones. */
export function areServersNamed(): boolean {
  return SERVER_NAMES.some((name) => process.env[urlVariable(name)])
}

/** Starts one MariaDB: all that a demo needs. */
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
  // All have to settle: what is still starting could not be stopped.
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
  throw new Error(`${required.map((name) => TITLES[name]).join(' and ')} could not be had`)
}

// What someone chose is not replaced by nothing.
function isRequired(name: ServerName): boolean {
  return name === 'mariadb' || Boolean(process.env.CI) || wantedVersion(name) !== undefined
}
