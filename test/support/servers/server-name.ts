/** A server that tests can ask for. */
export type ServerName = 'mariadb' | 'mysql' | 'redis'

/** All of them, in the order in which they are reported. */
export const SERVER_NAMES: readonly ServerName[] = ['mariadb', 'mysql', 'redis']

/** What people call them. */
export const TITLES: Readonly<Record<ServerName, string>> = {
  mariadb: 'MariaDB',
  mysql: 'MySQL',
  redis: 'Redis',
}

/** The environment variable that says which version of a server to look for: `11.8`. */
export function versionVariable(name: ServerName): string {
  return `TENANT_KNEX_${name.toUpperCase()}_VERSION`
}

/** The version that is asked for; undefined if any will do. */
export function wantedVersion(name: ServerName): string | undefined {
  return process.env[versionVariable(name)] || undefined
}

/** The environment variable that holds a server's URL. */
export function urlVariable(name: ServerName): string {
  return `TENANT_KNEX_${name.toUpperCase()}_URL`
}
