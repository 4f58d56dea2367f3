import { setTimeout as sleep } from 'node:timers/promises'
import type { RowDataPacket } from 'mysql2/promise'
import type { StormWitness, WitnessedStatement } from '../../src/testing/storm-witness.ts'
import { findTag } from '../../src/testing/tags.ts'
import type { Admin } from './admin.ts'

/**
 * What a server must be started with: it keeps the last statements of all connections, each with the
 * database in which it began. Only the beginning of a text is kept, and statements are all that is
 * watched, so that it does not slow the server down much.
 */
export const WITNESS_SETTINGS: readonly string[] = [
  '--performance-schema=ON',
  '--performance-schema-instrument=%=OFF',
  '--performance-schema-instrument=statement/%=ON',
  '--performance-schema-consumer-events-statements-current=ON',
  '--performance-schema-consumer-events-statements-history-long=ON',
  '--performance-schema-events-statements-history-long-size=10000',
  '--performance-schema-digests-size=0',
  '--loose-performance-schema-max-sql-text-length=512',
]

/** The server takes microseconds to write a row, and longer where it is held up in the middle. */
const WRITING_MILLIS = 50

const HISTORY = 'performance_schema.events_statements_history_long'

/** A statement as the history has it, by the key that no other has. */
interface Row {
  readonly id: string
  readonly text: string
  readonly db: string | null
}

/** Asks the server itself, past the pool and its proxy. While there is no server it has seen nothing. */
export class ServerWitness implements StormWitness {
  readonly #admin: Admin
  readonly #account: string
  readonly #databases: readonly string[]

  constructor(admin: Admin, account: string, databases: readonly string[]) {
    this.#admin = admin
    this.#account = account
    this.#databases = databases
  }

  /**
   * Each is told once. What ends between the two questions here is not told.
   *
   * Servers lock nothing here: a row that is being written is read with the database of its own
   * statement and the text of the one before. Both do that even on connections that never leave
   * their database, rarely, and more often the longer the texts are. So a row that would be a bad
   * sign is read again: what truly ran elsewhere stays as it is.
   */
  async statements(): Promise<readonly WitnessedStatement[]> {
    const rows = await this.#read()
    const suspects = new Set(rows.filter((row) => this.#isSuspect(row)).map(({ id }) => id))
    if (suspects.size > 0) {
      await sleep(WRITING_MILLIS)
      const again = new Map((await this.#read()).map((row) => [row.id, row]))
      for (const [index, { id }] of rows.entries()) {
        if (suspects.has(id)) rows[index] = again.get(id) ?? (rows[index] as Row)
      }
    }
    await this.#ask(`TRUNCATE ${HISTORY}`)
    return rows.map(({ text, db }) => ({ text, database: db }))
  }

  async connections(): Promise<number> {
    const [row] = await this.#ask(
      'SELECT COUNT(*) AS count FROM information_schema.processlist WHERE user = ?',
      [this.#account],
    )
    return Number(row?.count ?? 0)
  }

  async #read(): Promise<Row[]> {
    const rows = await this.#ask(
      `SELECT CONCAT(thread_id, ' ', event_id) AS id, sql_text AS text, current_schema AS db
       FROM ${HISTORY} WHERE sql_text LIKE '%storm:%:%'`,
    )
    return rows as Row[] & RowDataPacket[]
  }

  #isSuspect({ text, db }: Row): boolean {
    const tag = findTag(text)
    return tag !== undefined && this.#databases[tag.tenant] !== db
  }

  async #ask(sql: string, values?: unknown[]): Promise<RowDataPacket[]> {
    try {
      return await this.#admin.try(sql, values)
    } catch {
      return []
    }
  }
}
