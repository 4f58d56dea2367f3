import { startServers } from '../test/support/servers.ts'
import { DemoError } from './failure.ts'

/** A server for the demo. */
export interface Server {
  readonly url: string
  /** Stops the server, if the demo has started it. */
  stop(): Promise<void>
}

/** The server that the environment names, or else a MariaDB that the demo starts. */
export async function findServer(): Promise<Server> {
  const { TENANT_KNEX_MARIADB_URL, TENANT_KNEX_MYSQL_URL } = process.env
  const name = TENANT_KNEX_MYSQL_URL && !TENANT_KNEX_MARIADB_URL ? 'mysql' : 'mariadb'
  try {
    const { urls, stop } = await startServers({ need: [name] })
    return { url: withDatabase(urls[name] as string, ''), stop }
  } catch (error) {
    throw new DemoError(error instanceof Error ? error.message : String(error))
  }
}

/** The URL of a database of the server. */
export function withDatabase(serverUrl: string, database: string): string {
  const url = new URL(serverUrl)
  url.pathname = database
  return url.href
}
