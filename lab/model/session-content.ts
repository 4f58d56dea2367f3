import { isOfTransaction, type Statement } from './statement.ts'

const IN_TRANSACTION = 3
const IDLE = 2

/** The database of a connection without a tenant. It has no tables of any tenant. */
export const NEUTRAL_DATABASE = 'information_schema'

/** The state that a server keeps for a connection, and the conditions for executing a statement in it. */
export class SessionContent {
  database: string | undefined
  /** The tenant of the open transaction. */
  transaction: string | undefined
  /** The statements that the open transaction has executed. */
  #work: Statement[] = []
  /** Tenants who have left a trace: a variable, a temporary table, a lock. */
  readonly #marks = new Set<string>()
  /** The latest insert: its id can be asked for. */
  #insert: Statement | undefined
  /** The tenant of the latest statement, if that has left warnings or an error. */
  #warned: string | undefined
  /** True if the character set has been set since the last reset. */
  #isNamed = false

  /** The status bits of an answer. */
  get status(): number {
    return this.transaction === undefined ? IDLE : IN_TRANSACTION
  }

  get #isInTenant(): boolean {
    return this.database !== undefined && this.database !== NEUTRAL_DATABASE
  }

  /** Executes COM_RESET_CONNECTION. */
  reset(): void {
    this.#marks.clear()
    this.#insert = undefined
    this.#warned = undefined
    this.rollBack()
    this.#isNamed = false
  }

  /** Undoes the statements of the open transaction, if there is one. */
  rollBack(): void {
    for (const statement of this.#work.splice(0)) statement.isUndone = true
    this.transaction = undefined
  }

  /**
   * Executes a statement of the pool itself.
   *
   * @param mayBeAnywhere true if the database does not matter
   */
  set(sql: string, fail: (violation: string) => void, mayBeAnywhere: boolean): void {
    if (sql.startsWith('SET ') && this.#isInTenant && !mayBeAnywhere) {
      fail(`a session was set up in the database ${this.database}`)
    }
    if (sql.startsWith('SET NAMES')) this.#isNamed = true
    else if (sql === 'ROLLBACK') this.rollBack()
    else if (!/^(SET|SELECT 1 INTO) /.test(sql)) fail(`nobody’s statement was sent: ${sql}`)
  }

  /**
   * Executes a tenant's statement.
   *
   * @param isClean false if a step of its switch was refused: its result is then withheld, and the session
   * ends
   * @param hasCode true if its tenant's database has hidden code now
   */
  execute(
    statement: Statement,
    fail: (violation: string) => void,
    isClean: boolean,
    hasCode: boolean,
  ): void {
    const { tenant, kind, name, use } = statement
    statement.isExecuted = true
    const isEnd = kind === 'COMMIT' || kind === 'ROLLBACK'
    const mayBeNeutral = kind === 'BEGIN' || statement.named !== undefined
    const isNowhere = mayBeNeutral && this.database === NEUTRAL_DATABASE
    if (this.database !== tenant.database && !isEnd && !isNowhere) {
      fail(`${name} was executed in ${this.database}`)
    }
    if (!isClean) return
    for (const owner of [...this.#marks, this.transaction]) {
      if (owner !== undefined && owner !== tenant.id) {
        fail(`${name} was executed in the session of ${owner}`)
      }
    }
    const usesTables = !isOfTransaction(kind)
    const mayFind = use !== 'common' || kind === 'BEGIN' || (usesTables && statement.hasMetCode)
    if (mayFind) this.#checkTraces(statement, fail)
    if (!this.#isNamed) fail(`${name} was executed before SET NAMES`)
    if (use === 'own' || (usesTables && hasCode)) this.#marks.add(tenant.id)
    this.#warned = undefined
    if (kind === 'ROLLBACK') this.rollBack()
    if (kind === 'COMMIT' || kind === 'BEGIN') this.#work = []
    this.transaction = kind === 'BEGIN' ? tenant.id : isEnd ? undefined : this.transaction
    statement.isInTransaction = this.transaction !== undefined
    if (statement.isInTransaction) this.#work.push(statement)
  }

  /** An insert has succeeded, and left its id. */
  leaveId(insert: Statement): void {
    this.#insert = insert
  }

  /** The latest statement has left warnings, or an error. */
  warn({ tenant }: Statement): void {
    this.#warned = tenant.id
  }

  /** A statement that could ask for them must find no traces of another tenant. */
  #checkTraces({ tenant, name }: Statement, fail: (violation: string) => void): void {
    const inserter = this.#insert?.tenant.id
    if (inserter !== undefined && inserter !== tenant.id) {
      fail(`${name} could find the id of an insert of ${inserter}`)
    }
    if (this.#warned !== undefined && this.#warned !== tenant.id) {
      fail(`${name} could find warnings of ${this.#warned}`)
    }
  }

  /** The content of a row: its database, the session's state, the statement that read it, and an insert. */
  seenBy({ tag, named, use, tenant }: Statement): string {
    const marks = use === 'common' ? tenant.id : [...this.#marks]
    return `${named ?? this.database}|${marks}|${tag}|${this.#insert?.tag ?? 0}`
  }

  /** Everything that the session's future depends on. */
  fingerprint(): string {
    const traces = [this.#insert?.name, this.#warned]
    return [this.database, this.transaction, this.#isNamed, ...traces, ...this.#marks].join()
  }
}
