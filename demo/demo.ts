import type { Knex } from 'knex'
import type { TenantKnex } from '../src/index.ts'
import type { Countries } from './cities.ts'
import type { Databases } from './databases.ts'

/** The most connections of the library, and of plain Knex in the comparison. */
export const CONNECTIONS = 10

/** Shared by all parts of the demo. */
export interface Demo {
  readonly url: string
  readonly countries: Countries
  /** The tenantKnex that the demo shows. */
  readonly tenantKnex: TenantKnex
  /** Plain Knex over one connection, to create databases and to watch the server. */
  readonly admin: Knex
  readonly databases: Databases
  readonly interrupted: AbortSignal
}
