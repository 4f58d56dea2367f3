import { ownQuery } from './driver-command.ts'
import type { RawConnection } from './driver-types.ts'

/** A row of an answer: columns by their position, each as the server's text. */
export type TextRow = readonly (string | null)[]

/** Takes a question: a connection without a gate, or the way around a connection's gate. */
export type Asked = Pick<RawConnection, 'addCommand'>

/**
 * Asks the server a question of our own, on a connection that has no holder yet. No option of the user's
 * changes the question or the answer. `connection.query()` is not used, because the user's `queryFormat`
 * and `namedPlaceholders` would change the question there.
 *
 * @returns the rows; none if the answer is an OK
 */
export function ask(connection: Asked, sql: string): Promise<readonly TextRow[]> {
  return new Promise((resolve, reject) => {
    const onResult = (error: Error | null, rows: unknown): void => {
      if (error) reject(error)
      else resolve(Array.isArray(rows) ? rows : [])
    }
    connection.addCommand(ownQuery(sql, onResult))
  })
}
