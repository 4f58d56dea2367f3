import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const URLS = [
  ['MariaDB', process.env.TENANT_KNEX_MARIADB_URL],
  ['MySQL', process.env.TENANT_KNEX_MYSQL_URL],
] as const

/** A server that tests of others run on. */
export type SuiteServer = readonly [name: string, url: string]

/** How many servers there can be. */
export const SERVER_COUNT: number = URLS.length

/**
 * The servers that the environment names.
 *
 * @param command which command starts them
 * @throws Error if there is none
 */
export function givenServers(command: string): SuiteServer[] {
  const found = URLS.flatMap(([name, url]): SuiteServer[] => (url ? [[name, url]] : []))
  if (found.length === 0) throw new Error(`no database server; use \`npm run ${command}\``)
  return found
}

/** Tests of others are CommonJS and run without tsx: they get the package as its users do. */
export function build(): void {
  const script = fileURLToPath(new URL('../scripts/build.mjs', import.meta.url))
  const { status } = spawnSync(process.execPath, [script], { stdio: 'inherit' })
  if (status !== 0) throw new Error('the build failed')
}
