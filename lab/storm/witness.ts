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
const ROW = "CONCAT(thread_id, ' ', event_id) AS id, sql_text AS text, current_schema AS db"

/** A statement as the history has it, by the key that no other has. */
interface Row extends RowDataPacket {
  readonly id: string
  /** A command that is no statement has none. */
  readonly text: string | null
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

  /** By its key: the text that belongs there may be one without a tag. */
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
