import { EXAMPLES } from './examples.ts'

/** The usage text, with a list of the examples. */
export function usage(): string {
  const width = Math.max(...[...EXAMPLES.keys()].map((name) => name.length))
  const lines = [...EXAMPLES].map(([name, { shows }]) => `  ${name.padEnd(width)}  ${shows}`)
  return `usage: npm run example -- NAME

${lines.join('\n')}

Each starts a MariaDB, and a Redis where it needs one, or takes those of TENANT_KNEX_MARIADB_URL,
TENANT_KNEX_MYSQL_URL and TENANT_KNEX_REDIS_URL. It makes databases for the tenants acme and globex,
and drops them in the end. PORT says where it listens (3000, or the next free port), DATABASE_PREFIX
what the databases' names begin with.`
}
