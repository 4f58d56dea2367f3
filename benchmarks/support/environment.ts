import { readFileSync } from 'node:fs'
import { arch, cpus, platform, totalmem } from 'node:os'

/** What figures depend on, beside the code. */
export interface Environment {
  readonly cpu: string
  readonly cores: number
  readonly memoryGigabytes: number
  readonly platform: string
  readonly node: string
  readonly knex: string
  readonly mysql2: string
}

/** This machine, and the versions that are installed. */
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

/** The version of a package that is installed. */
export function versionOf(name: string): string {
  // Not every package lets its package.json be imported.
  const file = new URL(`../../node_modules/${name}/package.json`, import.meta.url)
  return JSON.parse(readFileSync(file, 'utf8')).version
}
