import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type ServerName, wantedVersion } from './server-name.ts'

/** A server's executable and its call. */
export interface Program extends Call {
  /** The output of `--version`. */
  readonly version: string
}

interface Call {
  readonly command: string
  /** Arguments that come before all others. */
  readonly args: readonly string[]
  /** The name to call it by, if the executable depends on its name. */
  readonly argv0?: string | undefined
}

const CANDIDATES: Readonly<Record<ServerName, readonly Call[]>> = {
  mariadb: [
    { command: 'mariadbd', args: ['--no-defaults'] },
    { command: 'mysqld', args: ['--no-defaults'] },
  ],
  mysql: [{ command: 'mysqld', args: ['--no-defaults'] }],
  redis: [
    { command: 'redis-server', args: [] },
    // The same executable behaves as the server if it has that name. Debian's redis-tools has only this one,
    // and starts no service.
    { command: 'redis-check-rdb', args: [], argv0: 'redis-server' },
  ],
}

/** Finds the server from its version text; `mysqld` can be either of two. */
export function identify(version: string): ServerName | undefined {
  if (/mariadb/i.test(version)) return 'mariadb'
  if (/^Redis server v=/m.test(version)) return 'redis'
  if (/mysqld\S*\s+Ver \d/.test(version)) return 'mysql'
  return undefined
}

/** The number in a server's version text. */
export function versionNumber(version: string): string {
  return /\d+\.\d+\.\d+/.exec(version)?.[0] ?? 'unknown'
}

/** True if a version is the requested one: 11.8.9 matches 11.8. */
export function isWanted(name: ServerName, version: string): boolean {
  const wanted = wantedVersion(name)
  return wanted === undefined || `${versionNumber(version)}.`.startsWith(`${wanted}.`)
}

/** Finds a server among the installed programs, in the requested version. */
export function findProgram(name: ServerName): Program | undefined {
  return CANDIDATES[name]
    .flatMap((call) => findExecutables(call.command).map((command) => ({ ...call, command })))
    .map((call) => ({ ...call, version: askVersion(call) }))
    .find(({ version }) => identify(version) === name && isWanted(name, version))
}

/** The output of a program for `--version`; an empty string if it fails. */
export function askVersion({ command, args, argv0 }: Call): string {
  const { stdout } = spawnSync(command, [...args, '--version'], { argv0, encoding: 'utf8' })
  return stdout?.trim() ?? ''
}

/** The paths of an executable in these folders, by default those of the PATH; the best choice comes first. */
export function findExecutables(file: string, folders: readonly string[] = searchPath()): string[] {
  return folders.map((folder) => join(folder, file)).filter(isExecutable)
}

// Servers are in the sbin folders, which only root has on the PATH.
function searchPath(): string[] {
  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean)
  return [...new Set([...folders, '/usr/local/sbin', '/usr/sbin'])]
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
