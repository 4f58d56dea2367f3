import type { Knex } from 'knex'
import type { Connection } from 'mysql2'
import type { OpenContender, Row } from './contender.ts'
import { knexSession } from './knex-session.ts'

/** All that a contender answers for where each tenant has a Knex. */
export function knexAccess(
  knexOf: (database: string) => Knex,
): Required<Pick<OpenContender, 'session' | 'query' | 'execute'>> {
  return {
    session: (database) => knexSession(knexOf(database)),
    query: async (database, sql) => rowsOf(await knexOf(database).raw(sql)),
    execute: (database, sql) => executeOn(knexOf(database), sql),
  }
}

/** By the driver's own method, on a connection from the pool: Knex itself prepares nothing. */
export async function executeOn({ client }: Knex, sql: string): Promise<Row[]> {
  const connection: Connection = await client.acquireConnection()
  try {
    return await new Promise((resolve, reject) => {
      connection.execute(sql, (error: Error | null, rows: unknown) => {
        if (error) reject(error)
        else resolve(rowsOf([rows]))
      })
    })
  } finally {
    await client.releaseConnection(connection)
  }
}

/** What mysql2 gives: rows, or an object that tells how many there were. */
export function rowsOf([rows]: readonly unknown[]): Row[] {
  return Array.isArray(rows) ? rows : []
}
