/*
 * Starts an example with everything that it needs: `npm run example -- koa`. The example itself is in its own
 * folder. This file and run/ only provide servers and databases.
 */
import { Reaper, type ServerName, startServers } from '../test/support/servers.ts'
import { EXAMPLES, type Example } from './run/examples.ts'
import { ExampleError } from './run/failure.ts'
import { interruption } from './run/interruption.ts'
import { choosePort } from './run/port.ts'
import { type Environment, runPrograms } from './run/programs.ts'
import { deleteKeys } from './run/redis-keys.ts'
import { withTenantDatabases } from './run/tenant-databases.ts'
import { usage } from './run/usage.ts'

process.exitCode = await main(process.argv.slice(2)).catch(exitCodeOf)

async function main([name = '', ...others]: readonly string[]): Promise<number> {
  const example = others.length === 0 ? EXAMPLES.get(name) : undefined
  if (example) return startExample(name, example)
  const isAsked = ['--help', '-h', ''].includes(name) && others.length === 0
  if (!isAsked) console.error(`There is no example "${[name, ...others].join(' ')}".`)
  console.log(usage())
  return isAsked ? 0 : 2
}

async function startExample(name: string, example: Example): Promise<number> {
  const port = await choosePort()
  const reaper = new Reaper()
  const servers = await startServers({ need: neededServers(example), reaper })
  try {
    const environment: Environment = {
      DATABASE_URL: withoutDatabase(servers.urls.mariadb ?? servers.urls.mysql),
      DATABASE_PREFIX: process.env.DATABASE_PREFIX ?? `example_${name}_`,
      PORT: String(port),
      ...(example.needsRedis && { REDIS_URL: redisUrl(servers.urls.redis) }),
    }
    const stopped = interruption()
    await withTenantDatabases(environment, stopped, () =>
      runPrograms(example, { environment, reaper, stopped }).finally(() => deleteKeys(environment)),
    )
  } finally {
    await servers.stop()
  }
  return 0
}

/** MariaDB, unless the environment names only a MySQL. */
function neededServers({ needsRedis = false }: Example): ServerName[] {
  const { TENANT_KNEX_MARIADB_URL, TENANT_KNEX_MYSQL_URL } = process.env
  const isOnMysql = TENANT_KNEX_MYSQL_URL && !TENANT_KNEX_MARIADB_URL
  return [isOnMysql ? 'mysql' : 'mariadb', ...(needsRedis ? (['redis'] as const) : [])]
}

function withoutDatabase(serverUrl = ''): string {
  const url = new URL(serverUrl)
  url.pathname = '/'
  return url.href
}

function redisUrl(url: string | undefined): string {
  if (url) return url
  throw new ExampleError('This example needs a Redis.')
}

/** Errors of servers have a code and a clear message; other errors are bugs. */
function exitCodeOf(error: unknown): number {
  const isForUser = error instanceof ExampleError || (error instanceof Error && 'code' in error)
  console.error(isForUser ? `\nexample: ${error.message}` : error)
  return 1
}
