import { cpSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import mysql from 'mysql2/promise'
import { cachedFolder } from '../../test/support/servers/cache-folder.ts'
import type { Reaper } from '../../test/support/servers/reaper.ts'
import { lastLines } from '../../test/support/servers/run.ts'
import { hash, install } from './install.ts'
import { addOwnPackage, ownDependencies } from './own-package.ts'
import { runNode } from './run-node.ts'

/** An npm package, and the program in `tenants/` that uses it. */
export interface Driven {
  readonly name: string
  readonly version: string
  readonly program: string
}

/** The result of one way: a bound Knex for each tenant, or `ambient` for all. */
export interface Driving {
  readonly way: 'bound' | 'ambient'
  /** How many rows and numbers were compared. */
  readonly checks: number
  /** Values that belong to another tenant. */
  readonly wrong: readonly string[]
  /** The reason why it was not tried. */
  readonly not?: string
}

/** The result of a package in three tenants at once. */
export interface DrivenOutcome {
  readonly driven: Driven
  readonly server: string
  readonly drivings: readonly Driving[]
}

const DRIVERS = fileURLToPath(new URL('./tenants/', import.meta.url))
const TENANTS = ['acme', 'globex', 'initech']

export const DRIVEN: readonly Driven[] = [
  { name: 'bookshelf', version: '1.2.0', program: 'bookshelf' },
  { name: 'connect-session-knex', version: '5.0.0', program: 'connect-session-knex' },
  { name: '@feathersjs/knex', version: '5.0.50', program: 'feathers' },
  { name: 'knex-paginate', version: '3.2.0', program: 'knex-paginate' },
  { name: 'knex-schema-inspector', version: '3.1.0', program: 'knex-schema-inspector' },
  { name: 'rate-limiter-flexible', version: '11.4.0', program: 'rate-limiter-flexible' },
  { name: 'umzug', version: '3.8.3', program: 'umzug' },
]
const BESIDE = ['@feathersjs/feathers@5.0.50', 'express-session@1.19.0']

/** A folder in the user's cache folder with the packages from npm. */
export async function packagesFolder(reaper: Reaper): Promise<string> {
  const named = DRIVEN.map(({ name, version }) => `${name}@${version}`)
  const packages = [...ownDependencies(), ...named, ...BESIDE]
  const folder = await cachedFolder(reaper, `foreign-packages-${hash(packages)}`, async (draft) => {
    console.error('foreign-suites: getting the packages from npm')
    writeFileSync(join(draft, 'package.json'), '{ "private": true }\n')
    await install(reaper, draft, packages)
  })
  addOwnPackage(folder)
  cpSync(DRIVERS, join(folder, 'tenants'), { recursive: true })
  return folder
}

/** Uses a package in three tenants at once over one pool. */
export function driveTenants(
  reaper: Reaper,
  folder: string,
  { program }: Driven,
  serverUrl: string,
): Promise<Driving[]> {
  return withTenants(serverUrl, async (prefix) => {
    const { code, output } = await runNode(reaper, {
      cwd: folder,
      args: [join(folder, 'tenants', 'main.mjs')],
      environment: {
        FOREIGN_URL: serverUrl,
        FOREIGN_DATABASE: prefix,
        FOREIGN_PACKAGE: program,
      },
    })
    if (code !== 0) throw new Error(`tenants at once, ${program}:\n${lastLines(output)}`)
    const lines = output.split('\n').filter((line) => line.startsWith('{"way"'))
    return lines.map((line) => JSON.parse(line) as Driving)
  })
}

/** Runs a function with new databases for three tenants. They are dropped afterwards. */
export async function withTenants<T>(
  serverUrl: string,
  use: (prefix: string) => Promise<T>,
): Promise<T> {
  const prefix = `tk_foreign_${hash(process.hrtime.bigint().toString())}`
  const names = TENANTS.map((tenant) => `${prefix}_${tenant}`)
  const admin = await mysql.createConnection(serverUrl)
  try {
    for (const name of names) await admin.query('CREATE DATABASE ??', [name])
    return await use(prefix)
  } finally {
    for (const name of names) await admin.query('DROP DATABASE IF EXISTS ??', [name])
    await admin.end()
  }
}
