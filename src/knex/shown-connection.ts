import type { Knex } from 'knex'
import type { ConnectionOptions } from 'mysql2'
import type { Tenant } from '../tenants/tenant.ts'

/**
 * The settings that other code may read: the server's address, the user, and the conversion of values. The
 * password is excluded, and everything else that may hold a secret, such as keys and functions.
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
 * A client's own configuration; a migration changes it for a while. Its `connection` looks like plain Knex's
 * and shows what is known when it is read. With an asynchronous `database` function the database is undefined
 * until it has been looked up. The same applies to the settings of a `connection` function.
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
