import { setTimeout as sleep } from 'node:timers/promises'
import mysql from 'mysql2/promise'
import { createTenantKnex, type TenantKnex, type TenantKnexOptions } from '../../src/index.ts'
import { createStormTables, type StormWitness } from '../../src/testing/index.ts'
import { findTag } from '../../src/testing/tags.ts'
import type { OwnServer } from '../../test/support/own-server.ts'
import { type Proxy as NetworkProxy, withProxy } from '../../test/support/proxy.ts'
import { urlOptions } from '../../test/support/tenants.ts'
import { Admin } from './admin.ts'
import { createSeen } from './hidden-code.ts'
import { createProcedure } from './procedure.ts'
import { ServerWitness, WITNESS_SETTINGS } from './witness.ts'

export const TENANTS: readonly string[] = Array.from({ length: 50 }, (_, index) => `t${index}`)

/** Its rights are limited to the tenants' databases, each granted separately. */
export const ACCOUNT = 'tk_storm'

const POOL = 8

/** Limits that are short enough to be reached often, in milliseconds. */
const SHORT = { acquire: 2_000, create: 1_000, switch: 400 }

/** If nothing is broken, these limits must never be reached. */
const LONG = { acquire: 30_000, create: 30_000, switch: 10_000 }

/** A server with the tenants' databases, and the pool that a storm uses. */
export interface World {
  readonly server: OwnServer
  /** Root's connection, for making faults. */
  readonly admin: Admin
  readonly proxy: NetworkProxy
  readonly tenantKnex: TenantKnex
  readonly witness: StormWitness
  /** How many statements with a storm's tag were sent so far. */
  readonly tagged: number
  /** How many of them, about, named their database. */
  readonly qualified: number
  /** Starts the server again with the same settings. */
  startServer(): Promise<void>
}

/** Options of a pool. */
export interface WorldOptions {
  /** True if nothing must break. */
  readonly isCalm: boolean
  readonly switching?: NonNullable<TenantKnexOptions['switching']>
  readonly qualify?: NonNullable<TenantKnexOptions['qualify']>
}

export function databaseOf(tenant: string): string {
  return `tk_storm_${tenant}`
}

/** A tenant's database for GRANT, with escaped underscores: GRANT matches any character with `_`. */
export function grantOn(tenant: string): string {
  return `GRANT ALL ON \`${databaseOf(tenant).replaceAll('_', '\\_')}\`.* TO ${ACCOUNT}`
}

/** Prepares a server for storms. */
export async function prepareServer(server: OwnServer): Promise<void> {
  await server.stop()
  await server.start(WITNESS_SETTINGS)
  const admin = new Admin(server.adminUrl)
  const databases = TENANTS.map((tenant) => `CREATE DATABASE ${databaseOf(tenant)}`)
  const grants = TENANTS.map(grantOn)
  await admin.sql([`CREATE USER ${ACCOUNT}`, ...databases, ...grants].join(';'))
  await fillDatabases(server, databaseOf, TENANTS)
  for (const tenant of TENANTS) {
    await createProcedure(admin, databaseOf(tenant))
    await createSeen(admin, databaseOf(tenant))
  }
  await admin.end()
}

/** Creates a storm's tables in the databases of these tenants, not through the pool. */
export async function fillDatabases(
  server: OwnServer,
  database: (tenant: string) => string,
  tenants: readonly string[],
): Promise<void> {
  const tenantKnex = createTenantKnex({ connection: server.adminUrl, database, pool: { max: 4 } })
  try {
    await createStormTables(tenantKnex, tenants)
  } finally {
    await tenantKnex.destroy()
  }
}

/** Runs a function with a new pool behind a new proxy. Afterwards nothing may be left of them. */
export async function withWorld<T>(
  server: OwnServer,
  options: WorldOptions,
  fn: (world: World) => Promise<T>,
): Promise<T> {
  const url = new URL(server.adminUrl)
  url.username = ACCOUNT
  const [admin, witnessAdmin] = [new Admin(server.adminUrl), new Admin(server.adminUrl)]
  let [tagged, qualified] = [0, 0]
  const onSent = (data: Buffer): void => {
    if (!data.includes('storm:') || !findTag(data.toString('latin1'))) return
    tagged++
    if (data.includes('`.`tenant_knex_storm')) qualified++
  }
  try {
    return await withProxy(
      url.href,
      async (proxy) => {
        const tenantKnex = createPool(proxy.url, options)
        const witness = new ServerWitness(witnessAdmin, ACCOUNT, TENANTS.map(databaseOf))
        const startServer = () => server.start(WITNESS_SETTINGS)
        try {
          return await fn({
            ...{ server, admin, proxy, tenantKnex, witness, startServer },
            get tagged() {
              return tagged
            },
            get qualified() {
              return qualified
            },
          })
        } finally {
          await endPool(tenantKnex, witness)
        }
      },
      { onSent },
    )
  } finally {
    await admin.end()
    await witnessAdmin.end()
  }
}

function createPool(url: string, { isCalm, ...options }: WorldOptions): TenantKnex {
  const limits = isCalm ? LONG : SHORT
  return createTenantKnex({
    connection: { ...urlOptions(url), multipleStatements: true },
    allowMultipleStatements: true,
    database: databaseOf,
    ...options,
    switchTimeoutMillis: limits.switch,
    pool: {
      max: POOL,
      acquireTimeoutMillis: limits.acquire,
      createTimeoutMillis: limits.create,
    },
  })
}

async function endPool(tenantKnex: TenantKnex, witness: StormWitness): Promise<void> {
  await tenantKnex.destroy({ timeoutMillis: 2_000 })
  let left = (await witness.connections?.()) ?? 0
  for (let tries = 0; left > 0 && tries < 100; tries++) {
    await sleep(20)
    left = (await witness.connections?.()) ?? 0
  }
  if (left > 0 || tenantKnex.connections().length > 0) {
    throw new Error(`${left} connections were left behind by a pool that was destroyed`)
  }
}

/** Opens connections of an account without rights. */
export async function connectStrangers(server: OwnServer, count: number) {
  const url = new URL(server.adminUrl)
  url.username = 'tk_stranger'
  const connect = async () => {
    const connection = await mysql.createConnection({ uri: url.href })
    connection.on('error', () => undefined)
    return connection
  }
  const results = await Promise.allSettled(Array.from({ length: count }, connect))
  return results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
}
