import type { Knex } from 'knex'
import { StormViolation } from './storm-operation.ts'

type Callback = (error: Error | null, rows?: unknown) => void

/** The methods of a connection of mysql2 that a storm uses. */
export interface RawConnection {
  query(sql: string, values: readonly unknown[], callback: Callback): unknown
  execute(sql: string, values: readonly unknown[], callback: Callback): unknown
}

export type Row = Record<string, unknown>

/** Runs a function with a connection of the tenant, then releases the connection. */
export async function withConnection<T>(
  { client }: Knex,
  fn: (connection: RawConnection) => Promise<T>,
): Promise<T> {
  const connection = await client.acquireConnection()
  try {
    return await fn(connection)
  } finally {
    await client.releaseConnection(connection)
  }
}

/** Calls a method of a raw connection. The connection must call the callback exactly once. */
export function call(
  connection: RawConnection,
  method: 'query' | 'execute',
  sql: string,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  let calls = 0
  return new Promise((resolve, reject) => {
    connection[method](sql, values, (error, rows) => {
      calls++
      // An unhandled rejection, so that the storm reports it.
      if (calls > 1) void Promise.reject(new StormViolation(`a callback was called ${calls} times`))
      if (error) reject(error)
      else resolve(rows as Row[])
    })
  })
}
