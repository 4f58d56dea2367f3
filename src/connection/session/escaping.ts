import mysql from 'mysql2'
import { TenantKnexError } from '../../base/errors.ts'
import { type Asked, ask } from '../wire/ask.ts'

/** The statement that sets a session's character set and collation to those of the driver. */
export function setNames(charsetNumber: number): string {
  const { charset, collation } = collationOf(charsetNumber)
  return charset === 'binary' ? 'SET NAMES binary' : `SET NAMES ${charset} COLLATE ${collation}`
}

/**
 * Makes sure that the user's `session` statements have not changed the settings that the driver's
 * escaping relies on. If server and driver had different character sets, text would be lost, and an
 * escaped string could be broken. `SET CHARACTER SET` takes a part of them from the current database. In
 * the mode NO_BACKSLASH_ESCAPES a backslash before a quote escapes nothing.
 *
 * @throws `ERR_SESSION_SETUP_FAILED`
 */
export async function checkEscaping(
  connection: Asked,
  charsetNumber: number,
  connectionId: number,
): Promise<void> {
  const [row = []] = await ask(
    connection,
    'SELECT @@character_set_client, @@character_set_connection, @@character_set_results, @@sql_mode',
  )
  const { charset } = collationOf(charsetNumber)
  const [client, literals, results, mode] = row
  if (mode?.includes('NO_BACKSLASH_ESCAPES')) {
    throw setupFailed(
      'The `session` statements set the mode NO_BACKSLASH_ESCAPES, but the driver escapes by ' +
        'backslashes: a value could end its quotes. Leave the mode out.',
      connectionId,
    )
  }
  const wanted = sameName(charset)
  const isRight = sameName(client) === wanted && sameName(literals) === wanted
  // NULL: the server converts nothing, and each column names its own character set.
  if (isRight && (results === null || sameName(results) === wanted)) return
  throw setupFailed(
    `The \`session\` statements change the character set to ${[client, literals, results].join(', ')} ` +
      `(client, connection, results), but the driver uses ${charset}: text would be lost. Leave SET ` +
      'CHARACTER SET and SET NAMES out, and set `connection.charset`: each session begins with it.',
    connectionId,
  )
}

function setupFailed(message: string, connectionId: number): TenantKnexError {
  return new TenantKnexError('ERR_SESSION_SETUP_FAILED', message, {
    connectionId,
    outcome: 'not-sent',
  })
}

/** `utf8` is an older name of `utf8mb3`. */
function sameName(charset: string | null | undefined): string | null | undefined {
  return charset === 'utf8' ? 'utf8mb3' : charset
}

/** The names of a collation and its character set, by mysql2's number of the collation. */
function collationOf(charsetNumber: number): { charset: string; collation: string } {
  const names = Object.entries(mysql.Charsets)
    .filter(([, id]) => id === charsetNumber)
    .map(([name]) => name.toLowerCase())
  const collation = names.find((name) => name.includes('_')) ?? names[0] ?? 'utf8mb4_unicode_ci'
  return { charset: collation.split('_', 1)[0] ?? collation, collation }
}
