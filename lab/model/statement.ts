import type { SessionUse } from '../../src/connection/session/state.ts'
import type { LocatedTenant } from '../../src/tenants/tenant.ts'

/**
 * `select` and `stream` read a row: one with a callback, the other as a stream. `built` and `insert` are the
 * query builder's. `define` and `drop` are raw statements that make and drop hidden code.
 */
export type StatementKind =
  | 'select'
  | 'stream'
  | 'built'
  | 'insert'
  | 'define'
  | 'drop'
  | 'BEGIN'
  | 'COMMIT'
  | 'ROLLBACK'

/** The texts of statements whose text is not their kind. */
const TEXTS: Partial<Record<StatementKind, string>> = {
  stream: 'select',
  built: 'select `seen` from `items`',
  insert: 'insert into `items` (`seen`) values (1)',
  define: 'create view',
  drop: 'drop view',
}

/** True for statements that need no database. */
export function isOfTransaction(kind: StatementKind): boolean {
  return kind === 'BEGIN' || kind === 'COMMIT' || kind === 'ROLLBACK'
}

/** One statement of a user, and its result. */
export class Statement {
  readonly tag: number
  readonly kind: StatementKind
  readonly tenant: LocatedTenant
  readonly sql: string
  /** True if it was sent through a lease that had ended. */
  readonly isLate: boolean
  /** The session that it asks for. */
  use: SessionUse = 'own'
  /** True when the server has received it. */
  isSent = false
  /** The database that its text names, once the server has received it. */
  named: string | undefined
  /** True if its tenant's database had hidden code when the server received it. */
  hasMetCode = false
  /** The insert whose id a statement of its session must find, if any. */
  mustFind = 0
  isExecuted = false
  /**
   * True if it bypassed its lease. Then it may wait behind another tenant's statement, and fail with that.
   */
  hasSlippedPast = false
  /** True if the server answered with an error. */
  isRefused = false
  /** True if the server executed it inside a transaction. */
  isInTransaction = false
  /** True if its transaction was rolled back. */
  isUndone = false
  /** How many results, errors and ends its caller has received. */
  settled = 0
  /** True if its caller received a result. */
  isAcknowledged = false
  /** The outcome in its caller's error. */
  outcome: unknown
  readonly #fail: (violation: string) => void

  constructor(
    tag: number,
    kind: StatementKind,
    tenant: LocatedTenant,
    isLate: boolean,
    fail: (violation: string) => void,
  ) {
    this.tag = tag
    this.kind = kind
    this.tenant = tenant
    this.isLate = isLate
    this.sql = textOf(kind, tag)
    this.#fail = fail
  }

  get name(): string {
    return `${this.kind} ${this.tag} of ${this.tenant.id}`
  }

  /** The server has received it. */
  onArrival(sql: string, hasCode: boolean): void {
    this.named = /`([^`]+)`\./.exec(sql)?.[1]
    this.hasMetCode = hasCode
    if (this.named !== undefined && this.named !== this.tenant.database) {
      this.#fail(`${this.name} names ${this.named}`)
    }
    if (this.isSent) this.#fail(`${this.name} was sent twice`)
    if (this.isLate) this.#fail(`${this.name} was sent through a lease that had ended`)
    if (this.outcome === 'not-sent') this.#fail(`${this.name} was sent after all`)
    this.isSent = true
  }

  /** Its caller receives a result. */
  succeed(): void {
    this.settled++
    this.isAcknowledged = true
    if (!this.isExecuted || this.isRefused) this.#fail(`${this.name} succeeded without an answer`)
    if (this.settled > 1) this.#fail(`${this.name} was answered twice`)
  }

  /** Its caller receives an error. */
  failWith(error: unknown): void {
    this.settled++
    if (this.settled > 1) this.#fail(`${this.name} was answered twice`)
    const { outcome, tenant } = error as { outcome?: unknown; tenant?: unknown }
    this.outcome = outcome
    if (!this.#isTrue(outcome))
      this.#fail(`${this.name} failed with the outcome ${outcome}: ${error}`)
    if (tenant !== undefined && tenant !== this.tenant.id && !this.hasSlippedPast) {
      this.#fail(`${this.name} got the error of another tenant`)
    }
  }

  #isTrue(outcome: unknown): boolean {
    switch (outcome) {
      case 'not-sent':
        return !this.isSent
      case 'failed':
        return this.isRefused
      case 'executed':
        return this.isExecuted
      default:
        return outcome === 'unknown'
    }
  }

  /** Its caller receives a row. */
  read(seen: string): void {
    const [database, marks, tag, insert] = seen.split('|')
    if (database !== this.tenant.database) this.#fail(`${this.name} got a row of ${database}`)
    if (marks !== this.tenant.id) this.#fail(`${this.name} read in a session of ${marks}`)
    if (tag !== String(this.tag)) this.#fail(`${this.name} got a row of statement ${tag}`)
    if (Number(insert) < this.mustFind) this.#fail(`${this.name} has lost its tenant’s insert`)
    if (this.settled > 0) this.#fail(`${this.name} got a row after its end`)
  }
}

/**
 * The text contains the statement's number. If it must be only COMMIT, the number is in blanks and tabs at
 * its end.
 */
function textOf(kind: StatementKind, tag: number): string {
  const number = tag.toString(2).replaceAll('0', ' ').replaceAll('1', '\t')
  return `${TEXTS[kind] ?? kind}${number}`
}

/** The number in a text; undefined if it contains none. */
export function tagOf(sql: string): number | undefined {
  const number = /[ \t]+$/.exec(sql)?.[0]
  if (number === undefined) return undefined
  return Number.parseInt(number.replaceAll(' ', '0').replaceAll('\t', '1'), 2)
}
