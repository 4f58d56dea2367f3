import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { type ServerName, wantedVersion } from './server-name.ts'

/** A server's executable and how it is called. */
export interface Program extends Call {
  /** What it answers to `--version`. */
  readonly version: string
}

interface Call {
  readonly command: string
  /** What comes before all other arguments. */
  readonly args: readonly string[]
  /** The name it is called by, where the executable goes by that. */
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
    // The same executable, which goes by its name. It alone is in Debian's redis-tools, the package
    // that brings no service with it.
    { command: 'redis-check-rdb', args: [], argv0: 'redis-server' },
  ],
}

/** Which server it is that describes itself so; `mysqld` can be either of two. */
export function identify(version: string): ServerName | undefined {
  if (/mariadb/i.test(version)) return 'mariadb'
  if (/^Redis server v=/m.test(version)) return 'redis'
  if (/mysqld\S*\s+Ver \d/.test(version)) return 'mysql'
  return undefined
}

/** The number in what a server says about its version. */
export function versionNumber(version: string): string {
  return /\d+\.\d+\.\d+/.exec(version)?.[0] ?? 'unknown'
}

/** Whether this is the version of a server that is asked for: 11.8.9 is one of 11.8. */
export function isWanted(name: ServerName, version: string): boolean {
  const wanted = wantedVersion(name)
  return wanted === undefined || `${versionNumber(version)}.`.startsWith(`${wanted}.`)
}

/** Finds a server among the programs that are installed, in the version that is asked for. */
export function findProgram(name: ServerName): Program | undefined {
  return CANDIDATES[name]
    .flatMap((call) => findExecutables(call.command).map((command) => ({ ...call, command })))
    .map((call) => ({ ...call, version: askVersion(call) }))
    .find(({ version }) => identify(version) === name && isWanted(name, version))
}

/** What a program answers to `--version`; an empty string if it cannot. */
export function askVersion({ command, args, argv0 }: Call): string {
  const { stdout } = spawnSync(command, [...args, '--version'], { argv0, encoding: 'utf8' })
  return stdout?.trim() ?? ''
}

/** Where an executable is in these folders, by default those of the PATH; best choice first. */
export function findExecutables(file: string, folders: readonly string[] = searchPath()): string[] {
  return folders.map((folder) => join(folder, file)).filter(isExecutable)
}

// Servers live in the sbin folders, which only root has on the PATH.
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
