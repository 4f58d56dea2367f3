import { TenantKnexError } from '../errors.ts'
import { type Asked, ask } from './ask.ts'
import { collationOf } from './driver.ts'

/** The statement that sets a session's character set and collation to those of the driver. */
export function setNames(charsetNumber: number): string {
  const { charset, collation } = collationOf(charsetNumber)
  return charset === 'binary' ? 'SET NAMES binary' : `SET NAMES ${charset} COLLATE ${collation}`
}

/**
 * Makes sure that the user's `session` statements have left the character set alone. If server and
 * driver had different ones, text would be lost, and an escaped string could be broken. `SET CHARACTER
 * SET` is such a statement: it takes a part from the current database.
 *
 * @throws `ERR_SESSION_SETUP_FAILED`
 */
export async function checkCharacterSet(
  connection: Asked,
  charsetNumber: number,
  connectionId: number,
): Promise<void> {
  const [row = []] = await ask(
    connection,
    'SELECT @@character_set_client, @@character_set_connection, @@character_set_results',
  )
  const { charset } = collationOf(charsetNumber)
  const [client, literals, results] = row
  const wanted = sameName(charset)
  const isRight = sameName(client) === wanted && sameName(literals) === wanted
  // NULL: the server converts nothing, and each column says what it is in.
  if (isRight && (results === null || sameName(results) === wanted)) return
  throw new TenantKnexError(
    'ERR_SESSION_SETUP_FAILED',
    `The \`session\` statements change the character set to ${[client, literals, results].join(', ')} ` +
      `(client, connection, results), but the driver uses ${charset}: text would be lost. Leave SET ` +
      'CHARACTER SET and SET NAMES out, and set `connection.charset`: each session begins with it.',
    { connectionId, outcome: 'not-sent' },
  )
}

/** `utf8` is an older name of `utf8mb3`. */
function sameName(charset: string | null | undefined): string | null | undefined {
  return charset === 'utf8' ? 'utf8mb3' : charset
}
