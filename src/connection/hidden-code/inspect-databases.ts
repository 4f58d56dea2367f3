import type { ConnectionOptions } from 'mysql2'
import { withRawConnection } from '../raw-connection.ts'
import { askIfKnown, askVersion } from '../server-facts.ts'
import { ask, type TextRow } from '../wire/ask.ts'
import { sayGoodBye } from '../wire/driver.ts'
import type { RawConnection } from '../wire/driver-types.ts'
import { isPureExpression, unescapeOnce } from './expressions.ts'
import { sightOf } from './grants.ts'
import { MARIADB_QUESTIONS, MYSQL_QUESTIONS, SETTINGS } from './questions.ts'
import type { HiddenCode, Verdict } from './verdict.ts'

/**
 * Connects, asks the server about the code in databases, and closes the connection.
 *
 * @param databases at least one. It takes longer the more there are
 * @returns a verdict for each
 * @throws `ERR_SERVER_UNREACHABLE`, `ERR_SERVER_REFUSED`, `ERR_SESSION_SETUP_FAILED`
 */
export async function inspectDatabases(
  driverOptions: ConnectionOptions,
  databases: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Verdict>> {
  return withRawConnection(driverOptions, signal, async (connection) => {
    const verdicts = await askVerdicts(connection, databases)
    await sayGoodBye(connection)
    return verdicts
  })
}

async function askVerdicts(
  connection: RawConnection,
  databases: readonly string[],
): Promise<ReadonlyMap<string, Verdict>> {
  await ask(connection, SETTINGS)
  const isMariaDB = /mariadb/i.test(await askVersion(connection))
  const sees = await askSight(connection, isMariaDB)
  const questions = isMariaDB ? MARIADB_QUESTIONS : MYSQL_QUESTIONS
  const existing = new Set(firstOfEach(await ask(connection, questions.existing(databases))))
  const verdicts = new Map<string, Verdict>(
    databases.map((database) => [database, first(existing.has(database), sees(database))]),
  )
  const asked = databases.filter((database) => verdicts.get(database) === 'plain')
  if (asked.length === 0) return verdicts
  const mark = ([name]: TextRow, reason: HiddenCode): void => {
    if (name !== null && name !== undefined && verdicts.get(name) === 'plain') {
      verdicts.set(name, reason)
    }
  }
  for (const row of await ask(connection, questions.triggers(asked))) mark(row, 'triggers')
  for (const row of await ask(connection, questions.tables(asked))) {
    mark(row, row[1] === 'VIEW' ? 'views' : 'engines')
  }
  for (const row of await ask(connection, questions.expressions(asked))) {
    if (!row.slice(1).every((text) => isPure(text, isMariaDB))) mark(row, 'expressions')
  }
  return verdicts
}

function first(exists: boolean, isSeen: boolean): Verdict {
  if (!exists) return 'missing'
  return isSeen ? 'plain' : 'unseen'
}

async function askSight(
  connection: RawConnection,
  isMariaDB: boolean,
): Promise<(database: string) => boolean> {
  const isLiteral = !isMariaDB && (await askIfKnown(connection, '@@partial_revokes')) === '1'
  return sightOf(firstOfEach(await ask(connection, 'SHOW GRANTS')), isLiteral)
}

function firstOfEach(rows: readonly TextRow[]): string[] {
  return rows.map(([text]) => String(text))
}

function isPure(text: string | null, isMariaDB: boolean): boolean {
  return text === null || isPureExpression(isMariaDB ? text : unescapeOnce(text))
}
