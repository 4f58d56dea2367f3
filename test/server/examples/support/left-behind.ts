import { createClient } from '@keyv/redis'
import mysql, { type RowDataPacket } from 'mysql2/promise'

/** The server that examples run on. */
export function databaseUrl(): string {
  const { TENANT_KNEX_MARIADB_URL, TENANT_KNEX_MYSQL_URL } = process.env
  const url = TENANT_KNEX_MARIADB_URL || TENANT_KNEX_MYSQL_URL
  if (url) return url
  throw new Error('No database server. Run the tests with `npm test`.')
}

/** Databases, and keys in Redis, whose names begin with this. */
export async function namesWith(prefix: string): Promise<string[]> {
  return [...(await databasesWith(prefix)), ...(await keysWith(prefix))]
}

async function databasesWith(prefix: string): Promise<string[]> {
  const connection = await mysql.createConnection({ uri: databaseUrl() })
  try {
    const [rows] = await connection.query<RowDataPacket[]>(
      'SELECT schema_name AS name FROM information_schema.schemata WHERE LEFT(schema_name, ?) = ?',
      [prefix.length, prefix],
    )
    return rows.map(({ name }) => name)
  } finally {
    await connection.end()
  }
}

async function keysWith(prefix: string): Promise<string[]> {
  const { TENANT_KNEX_REDIS_URL: url } = process.env
  if (!url) return []
  const client = createClient({ url })
  await client.connect()
  try {
    const keys: string[] = []
    for await (const batch of client.scanIterator({ MATCH: `${prefix}*`, COUNT: 1_000 })) {
      keys.push(...batch)
    }
    return keys
  } finally {
    client.destroy()
  }
}
