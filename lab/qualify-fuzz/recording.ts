import type { Knex } from 'knex'
import type { Text } from './mutations.ts'

/** A statement that Knex sent, and the server's answer. */
export interface Sent extends Text {
  /** Knex's method; undefined for BEGIN and the like. */
  readonly method: string | undefined
  /** True if it had options for the driver. */
  readonly hasOptions?: boolean
  answer?: Answer
}

/** An answer, in a form that can be compared. Rows come in any order. */
export type Answer =
  | { readonly code: string; readonly message: string; readonly sql: string }
  | { readonly rows: readonly string[] }
  | { readonly affected: readonly unknown[] }

interface Told {
  readonly sql: string
  readonly bindings?: readonly unknown[]
  readonly method?: string
  readonly options?: object
  readonly __knexQueryUid: string
  readonly response?: readonly unknown[]
}

/** Records what a Knex says of its statements. */
export class Recording {
  #sent: Sent[] = []
  readonly #byId = new Map<string, Sent>()

  constructor(knex: Knex) {
    knex.on('query', (query: Told) => this.#onQuery(query))
    knex.on('query-response', (_, query: Told) => {
      this.#onAnswer(query, answerOf(query.response?.[0]))
    })
    knex.on('query-error', (error: Error, query: Told) => this.#onAnswer(query, errorOf(error)))
  }

  /** The statements since the last call. */
  take(): Sent[] {
    const sent = this.#sent
    this.#sent = []
    this.#byId.clear()
    return sent
  }

  #onQuery({ sql, bindings = [], method, options = {}, __knexQueryUid: id }: Told): void {
    const hasOptions = Object.keys(options).length > 0
    const sent: Sent = {
      sql: sql.replace(/\btrx\d+/, 'trx'),
      values: bindings.map(settled),
      method,
      hasOptions,
    }
    this.#sent.push(sent)
    this.#byId.set(id, sent)
  }

  #onAnswer({ __knexQueryUid: id }: Told, answer: Answer): void {
    const sent = this.#byId.get(id)
    if (sent) sent.answer = answer
  }
}

/** A copy, so that nobody changes it later. */
function settled(value: unknown): unknown {
  return value instanceof Date ? new Date(value) : value
}

export function answerOf(result: unknown): Answer {
  if (Array.isArray(result))
    return { rows: result.map((row) => JSON.stringify(withoutTimes(row))).sort() }
  const { affectedRows, changedRows, insertId, info, warningStatus } = (result ?? {}) as Record<
    string,
    unknown
  >
  return { affected: [affectedRows, changedRows, insertId, info, warningStatus] }
}

export function errorOf(error: unknown): Answer {
  const {
    code = 'none',
    message,
    sql = '',
  } = error as { code?: string; message: string; sql?: string }
  return { code, message, sql }
}

/** The time of a write differs between two runs. */
function withoutTimes(row: unknown): unknown {
  return typeof row === 'object' && row !== null && 'at' in row ? { ...row, at: null } : row
}
