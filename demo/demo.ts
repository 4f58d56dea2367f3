import type { Knex } from 'knex'
import type { TenantKnex } from '../src/index.ts'
import type { Countries } from './cities.ts'
import type { Databases } from './databases.ts'

/** Connections that the library may have, and plain Knex when the two are compared. */
export const CONNECTIONS = 10

/** What all parts of the demo share. */
export interface Demo {
  readonly url: string
  readonly countries: Countries
  /** Gives the Knex of each tenant: the subject of the demo. */
  readonly tenantKnex: TenantKnex
  /** Plain Knex over a connection of its own, to create databases and to watch the server. */
  readonly admin: Knex
  readonly databases: Databases
  readonly interrupted: AbortSignal
}
