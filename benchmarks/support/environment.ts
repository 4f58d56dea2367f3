import { readFileSync } from 'node:fs'
import { arch, cpus, platform, totalmem } from 'node:os'

/** The conditions of a measurement, except the code. */
export interface Environment {
  readonly cpu: string
  readonly cores: number
  readonly memoryGigabytes: number
  readonly platform: string
  readonly node: string
  readonly knex: string
  readonly mysql2: string
}

/** This machine, and the installed versions. */
export function environment(): Environment {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGigabytes: Math.round(totalmem() / 2 ** 30),
    platform: `${platform()} ${arch()}`,
    node: process.version,
    knex: versionOf('knex'),
    mysql2: versionOf('mysql2'),
  }
}

/** The installed version of a package. */
export function versionOf(name: string): string {
  // Read as a file, because not every package exports its package.json.
  const file = new URL(`../../node_modules/${name}/package.json`, import.meta.url)
  return JSON.parse(readFileSync(file, 'utf8')).version
}
