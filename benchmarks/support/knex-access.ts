import type { Knex } from 'knex'
import type { Connection } from 'mysql2'
import type { OpenContender, Row } from './contender.ts'
import { knexSession } from './knex-session.ts'
import { rawSession } from './raw-session.ts'

/** The functions of a contender with a Knex for each tenant. */
export function knexAccess(
  knexOf: (database: string) => Knex,
): Required<Omit<OpenContender, 'close' | 'switches'>> {
  return {
    session: (database) => knexSession(knexOf(database)),
    rawSession: (database) => rawSession(knexOf(database)),
    transaction: (database, work) =>
      knexOf(database).transaction((transaction) => work(knexSession(transaction))),
    query: async (database, sql) => rowsOf(await knexOf(database).raw(sql)),
    execute: (database, sql) => executeOn(knexOf(database), sql),
  }
}

/** Uses the driver's own method on a pool's connection, because Knex prepares no statements. */
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

/** Extracts mysql2's result: rows, or an object with the number of changed rows. */
export function rowsOf([rows]: readonly unknown[]): Row[] {
  return Array.isArray(rows) ? rows : []
}
