import { setTimeout as sleep } from 'node:timers/promises'
import type { RowDataPacket } from 'mysql2/promise'
import type { StormWitness, WitnessedStatement } from '../../src/testing/storm-witness.ts'
import { findTag } from '../../src/testing/tags.ts'
import type { Admin } from './admin.ts'

/**
 * The settings of a server with a history: it keeps the last statements of all connections, each with the
 * database that it began in. It keeps only the beginning of each text, and watches only statements, so that
 * it is not slowed down much.
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

/** The server takes microseconds to write a row, and longer if it is interrupted. */
const WRITING_MILLIS = 50

const HISTORY = 'performance_schema.events_statements_history_long'
const ROW = "CONCAT(thread_id, ' ', event_id) AS id, sql_text AS text, current_schema AS db"

/** A statement in the history, by its unique key. */
interface Row extends RowDataPacket {
  readonly id: string
  /** Null for a command that is not a statement. */
  readonly text: string | null
  readonly db: string | null
}

/** Asks the server itself, not through the pool and its proxy. While the server is down it sees nothing. */
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
   * Returns each statement once. It misses a statement that ends between the two queries here.
   *
   * Servers do not lock the history. A row that is being written can show the database of its own statement
   * with the text of the previous one. Both servers do that rarely, even on connections that never leave
   * their database, and more often with longer texts. So a suspicious row is read again: a statement that
   * truly ran elsewhere stays the same.
   */
  async statements(): Promise<readonly WitnessedStatement[]> {
    const rows = await this.#ask<Row>(
      `SELECT ${ROW} FROM ${HISTORY} WHERE sql_text LIKE '%storm:%:%'`,
    )
    const suspects = rows.filter((row) => this.#isSuspect(row)).map(({ id }) => id)
    const again = suspects.length > 0 ? await this.#readAgain(suspects) : []
    for (const row of again) {
      const index = rows.findIndex(({ id }) => id === row.id)
      rows[index] = row
    }
    await this.#ask(`TRUNCATE ${HISTORY}`)
    return rows.map(({ text, db }) => ({ text: text ?? '', database: db }))
  }

  async connections(): Promise<number> {
    const [row] = await this.#ask(
      'SELECT COUNT(*) AS count FROM information_schema.processlist WHERE user = ?',
      [this.#account],
    )
    return Number(row?.count ?? 0)
  }

  /** Reads rows by their keys, because the right text may have no tag. */
  async #readAgain(ids: readonly string[]): Promise<Row[]> {
    await sleep(WRITING_MILLIS)
    return this.#ask<Row>(`SELECT ${ROW} FROM ${HISTORY} HAVING id IN (?)`, [ids])
  }

  #isSuspect({ text, db }: Row): boolean {
    const tag = findTag(text ?? '')
    return tag !== undefined && this.#databases[tag.tenant] !== db
  }

  async #ask<T extends RowDataPacket>(sql: string, values?: unknown[]): Promise<T[]> {
    try {
      return (await this.#admin.try(sql, values)) as T[]
    } catch {
      return []
    }
  }
}
