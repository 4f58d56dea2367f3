import type { LocatedTenant } from '../../src/tenants/tenant.ts'

/** `select` and `stream` read a row: by a callback, and as it comes. */
export type StatementKind = 'select' | 'stream' | 'BEGIN' | 'COMMIT' | 'ROLLBACK'

/** One statement of a user's, and what became of it. */
export class Statement {
  readonly tag: number
  readonly kind: StatementKind
  readonly tenant: LocatedTenant
  readonly sql: string
  /** True where it was issued through a lease that had ended. */
  readonly isLate: boolean
  /** The server has received it. */
  isSent = false
  isExecuted = false
  /** It came past its lease, so it may wait behind another tenant's, and fail with it. */
  hasSlippedPast = false
  /** The server answered with an error. */
  isRefused = false
  /** The server executed it inside a transaction. */
  isInTransaction = false
  /** The transaction that it was executed in was rolled back. */
  isUndone = false
  /** Results, errors and ends that its caller was told. */
  settled = 0
  /** Its caller was given a result. */
  isAcknowledged = false
  /** What the error said that its caller was told. */
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
  onArrival(): void {
    if (this.isSent) this.#fail(`${this.name} was sent twice`)
    if (this.isLate) this.#fail(`${this.name} was sent through a lease that had ended`)
    if (this.outcome === 'not-sent') this.#fail(`${this.name} was sent after all`)
    this.isSent = true
  }

  /** Its caller was given a result. */
  succeed(): void {
    this.settled++
    this.isAcknowledged = true
    if (!this.isExecuted || this.isRefused) this.#fail(`${this.name} succeeded without an answer`)
    if (this.settled > 1) this.#fail(`${this.name} was answered twice`)
  }

  /** Its caller was given an error. */
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

  /** Its caller was given a row. */
  read(seen: string): void {
    const [database, marks, tag] = seen.split('|')
    if (database !== this.tenant.database) this.#fail(`${this.name} got a row of ${database}`)
    if (marks !== this.tenant.id) this.#fail(`${this.name} read in a session of ${marks}`)
    if (tag !== String(this.tag)) this.#fail(`${this.name} got a row of statement ${tag}`)
    if (this.settled > 0) this.#fail(`${this.name} got a row after its end`)
  }
}

/**
 * The text tells the statement's number, also where it must be no more than COMMIT: in blanks and
 * tabs at its end.
 */
function textOf(kind: StatementKind, tag: number): string {
  const number = tag.toString(2).replaceAll('0', ' ').replaceAll('1', '\t')
  return `${kind === 'stream' ? 'select' : kind}${number}`
}

/** The number in a text; undefined where it has none. */
export function tagOf(sql: string): number | undefined {
  const number = /[ \t]+$/.exec(sql)?.[0]
  if (number === undefined) return undefined
  return Number.parseInt(number.replaceAll(' ', '0').replaceAll('\t', '1'), 2)
}
