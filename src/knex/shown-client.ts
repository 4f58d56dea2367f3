import mysql from 'mysql2'
import type { PoolView } from '../pool/pool-view.ts'
import type { ServerPool } from '../pool/server-pool.ts'
import { isBound, poolOf } from './binding.ts'
import { Dialect } from './dialect.ts'

/** A class of clients, with its prototype. */
interface ClientClass {
  readonly prototype: object
}

/** The part of a client that these properties need. */
interface ShownClient {
  readonly config: { readonly version?: string }
}

/**
 * Gives a class of clients the name and the properties that other libraries look for on Knex's client.
 * The values are the same for all tenants of a server.
 */
export function showAsKnex(clientClass: ClientClass): void {
  Object.defineProperty(clientClass, 'name', { value: Dialect.name })
  Object.defineProperties(clientClass.prototype, {
    driver: { value: mysql, writable: true }, // Knex sets it on a transaction's client
    pool: {
      get(this: object): PoolView | undefined {
        return isBound(this) ? poolOf(this).view : undefined
      },
      set: () => undefined,
    },
    version: {
      get(this: ShownClient): string | undefined {
        return this.config.version ?? facts(this)?.version.match(/\d+\.\d+\.\d+/)?.[0]
      },
      set: () => undefined,
    },
    isMariaDB: {
      get(this: object): boolean | undefined {
        return facts(this)?.isMariaDB
      },
      set: () => undefined,
    },
  })
}

function facts(client: object): ServerPool['facts'] {
  return isBound(client) ? poolOf(client).facts : undefined
}
