/** A server that tests can ask for. */
export type ServerName = 'mariadb' | 'mysql' | 'redis'

/** All servers, in the order of reports. */
export const SERVER_NAMES: readonly ServerName[] = ['mariadb', 'mysql', 'redis']

/** The names of the servers, for people. */
export const TITLES: Readonly<Record<ServerName, string>> = {
  mariadb: 'MariaDB',
  mysql: 'MySQL',
  redis: 'Redis',
}

/** The environment variable for the requested version of a server: `11.8`. */
export function versionVariable(name: ServerName): string {
  return `TENANT_KNEX_${name.toUpperCase()}_VERSION`
}

/** The requested version; undefined if any version is fine. */
export function wantedVersion(name: ServerName): string | undefined {
  return process.env[versionVariable(name)] || undefined
}

/** The environment variable that holds a server's URL. */
export function urlVariable(name: ServerName): string {
  return `TENANT_KNEX_${name.toUpperCase()}_URL`
}
