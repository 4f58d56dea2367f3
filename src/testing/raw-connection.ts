import type { Knex } from 'knex'
import { StormViolation } from './storm-operation.ts'

type Callback = (error: Error | null, rows?: unknown) => void

/** What mysql2 offers on a connection, as far as a storm uses it. */
export interface RawConnection {
  query(sql: string, values: readonly unknown[], callback: Callback): unknown
  execute(sql: string, values: readonly unknown[], callback: Callback): unknown
}

export type Row = Record<string, unknown>

/** Runs a function with a connection of the tenant's own, and gives it back. */
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

/** Calls a raw connection. Its callback must be called once. */
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
      // Thrown where nobody catches it, so that it is seen.
      if (calls > 1) void Promise.reject(new StormViolation(`a callback was called ${calls} times`))
      if (error) reject(error)
      else resolve(rows as Row[])
    })
  })
}
