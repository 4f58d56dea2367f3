import type { Statement } from './statement.ts'

const IN_TRANSACTION = 3
const IDLE = 2

/** Where a connection is that belongs to nobody, and there are no tables of anybody's. */
export const NEUTRAL_DATABASE = 'information_schema'

/** What a server keeps for a connection, and what must hold when a statement is executed in it. */
export class SessionContent {
  database: string | undefined
  /** Whose transaction is open. */
  transaction: string | undefined
  /** What the open transaction has executed. */
  #work: Statement[] = []
  /** Tenants who have left something: a variable, a temporary table, a lock. */
  readonly #marks = new Set<string>()
  /** Whether the character set is as it was at connect. */
  #isNamed = false

  /** The status bits of an answer. */
  get status(): number {
    return this.transaction === undefined ? IDLE : IN_TRANSACTION
  }

  get #isInTenant(): boolean {
    return this.database !== undefined && this.database !== NEUTRAL_DATABASE
  }

  /** COM_RESET_CONNECTION. */
  reset(): void {
    this.#marks.clear()
    this.rollBack()
    this.#isNamed = false
  }

  /** Undoes what the open transaction has executed, if there is one. */
  rollBack(): void {
    for (const statement of this.#work.splice(0)) statement.isUndone = true
    this.transaction = undefined
  }

  /** A statement of the pool's own. */
  set(sql: string, fail: (violation: string) => void): void {
    if (sql.startsWith('SET ') && this.#isInTenant) {
      fail(`a session was set up in the database ${this.database}`)
    }
    if (sql.startsWith('SET NAMES')) this.#isNamed = true
    else if (sql === 'ROLLBACK') this.rollBack()
    else if (!/^(SET|SELECT 1 INTO) /.test(sql)) fail(`nobody’s statement was sent: ${sql}`)
  }

  /**
   * A tenant's statement.
   *
   * @param isClean false where a step of its switch was refused: its result is nobody's then, and the
   * session ends
   */
  execute(statement: Statement, fail: (violation: string) => void, isClean: boolean): void {
    const { tenant, kind, name } = statement
    statement.isExecuted = true
    const isEnd = kind === 'COMMIT' || kind === 'ROLLBACK'
    const isNowhere = kind === 'BEGIN' && this.database === NEUTRAL_DATABASE
    if (this.database !== tenant.database && !isEnd && !isNowhere) {
      fail(`${name} was executed in ${this.database}`)
    }
    if (!isClean) return
    for (const owner of [...this.#marks, this.transaction]) {
      if (owner !== undefined && owner !== tenant.id) {
        fail(`${name} was executed in the session of ${owner}`)
      }
    }
    if (!this.#isNamed) fail(`${name} was executed before SET NAMES`)
    this.#marks.add(tenant.id)
    if (kind === 'ROLLBACK') this.rollBack()
    if (kind === 'COMMIT' || kind === 'BEGIN') this.#work = []
    this.transaction = kind === 'BEGIN' ? tenant.id : isEnd ? undefined : this.transaction
    statement.isInTransaction = this.transaction !== undefined
    if (statement.isInTransaction) this.#work.push(statement)
  }

  /** A row: where it was read, what the session held, and which statement read it. */
  seenBy({ tag }: Statement): string {
    return `${this.database}|${[...this.#marks]}|${tag}`
  }

  /** What the future of the session depends on. */
  fingerprint(): string {
    return [this.database, this.transaction, this.#isNamed, ...this.#marks].join()
  }
}
