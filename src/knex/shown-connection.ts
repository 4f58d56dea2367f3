import type { Knex } from 'knex'
import type { ConnectionOptions } from 'mysql2'
import type { Tenant } from '../tenants/tenant.ts'

/**
 * The settings that other people's code may read: where the server is, who logs in, and what becomes of
 * values. Not the password, nor what may hold a secret as well, as keys and functions do.
 */
const SHOWN = [
  'host',
  'port',
  'socketPath',
  'user',
  'charset',
  'timezone',
  'dateStrings',
  'decimalNumbers',
  'supportBigNumbers',
  'bigNumberStrings',
  'multipleStatements',
] as const satisfies readonly (keyof ConnectionOptions)[]

/**
 * A configuration of a client's own, as a migration changes its own for a while. It has a `connection` as
 * plain Knex has: what is known when it is read. The database of an asynchronous `database` function is
 * undefined until it has been looked up; so are the settings of a `connection` function.
 */
export function shownConfig(
  shared: Knex.Config,
  tenant: Tenant | undefined,
  settings: () => ConnectionOptions | undefined,
): Knex.Config {
  return {
    ...shared,
    get connection() {
      return shownConnection(settings(), tenant?.database ?? undefined)
    },
  }
}

function shownConnection(
  settings: ConnectionOptions | undefined,
  database: string | undefined,
): Knex.MySql2ConnectionConfig {
  const known = SHOWN.filter((name) => settings?.[name] !== undefined)
  const shown = known.map((name) => [name, settings?.[name]])
  return { ...Object.fromEntries(shown), ...(database !== undefined && { database }) }
}
