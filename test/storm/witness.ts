import type { StormWitness, WitnessedStatement } from '../../src/testing/storm-witness.ts'
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

const HISTORY = 'performance_schema.events_statements_history_long'

/** Asks the server itself, past the pool and its proxy. While there is no server it has seen nothing. */
export class ServerWitness implements StormWitness {
  readonly #admin: Admin
  readonly #account: string

  constructor(admin: Admin, account: string) {
    this.#admin = admin
    this.#account = account
  }

  /** Each is told once. What ends between the two statements here is not told. */
  async statements(): Promise<readonly WitnessedStatement[]> {
    const results = await this.#ask(
      `SELECT sql_text AS text, current_schema AS db FROM ${HISTORY}
       WHERE sql_text LIKE '%storm:%:%'; TRUNCATE ${HISTORY}`,
    )
    const [rows = []] = results as unknown as { text: string; db: string | null }[][]
    return rows.map(({ text, db }) => ({ text, database: db }))
  }

  async connections(): Promise<number> {
    const [row] = await this.#ask(
      'SELECT COUNT(*) AS count FROM information_schema.processlist WHERE user = ?',
      [this.#account],
    )
    return Number(row?.count ?? 0)
  }

  async #ask(sql: string, values?: unknown[]) {
    try {
      return await this.#admin.try(sql, values)
    } catch {
      return []
    }
  }
}
