import { annotate, type Outcome, type TenantKnexError } from '../base/errors.ts'
import { aboutPlace, type Place } from '../tenants/place.ts'
import type { Tenant } from '../tenants/tenant.ts'
import { ConnectionFacade, type DoneCallback, promiseFlavour } from './connection-facade.ts'
import {
  closedByHolderError,
  closedError,
  methodRefusedError,
  outcomeOf,
  releasedError,
  statementRefusedError,
} from './errors.ts'
import type { LeaseHost, LeaseUse } from './lease-host.ts'
import { type Sender, type StatementNature, UNKNOWN_STATEMENT } from './sender.ts'
import { refusalOf } from './session/statement-text.ts'
import { type ShownConfig, shownConfig } from './shown-config.ts'
import { explainOnce, sqlOf, valuesOf } from './wire/arguments.ts'
import { isOpen, lossError, type SendingMethod } from './wire/driver.ts'
import { failLater, unsentCommand } from './wire/driver-command.ts'
import type { Command } from './wire/driver-types.ts'

/**
 * A tenant's hold on a server connection, from acquire to release. Knex and user code see it as "the
 * connection": it has mysql2's methods, and works only until it is released. The gate knows each
 * command that the lease starts as the lease's own.
 */
export class Lease extends ConnectionFacade implements Sender {
  /** Knex's id of the connection. */
  readonly __knexUid: string
  /** Knex's id of the transaction that the connection serves. */
  __knexTxId: string | undefined

  readonly #host: LeaseHost
  readonly #place: Place
  readonly #use: LeaseUse
  #config: ShownConfig | undefined
  #isOver = false
  #reason: TenantKnexError | undefined
  #mayHaveCommitted = false

  constructor(host: LeaseHost, place: Place, use: LeaseUse) {
    super()
    this.#host = host
    this.#place = place
    this.#use = use
    this.__knexUid = host.knexUid
  }

  /** The tenant that holds the connection. User code cannot change it. */
  get tenant(): Tenant {
    return this.#place.tenant
  }

  get place(): Place {
    return this.#place
  }

  /** The connection has been taken back: from now on every call fails, for this reason if any. */
  revoke(reason?: TenantKnexError): void {
    this.#isOver = true
    this.#reason = reason
    this.forgetListeners()
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** The error of each call once the lease is over. */
  overError(): TenantKnexError {
    return this.#reason ?? releasedError(this.#place, this.threadId)
  }

  /** True if the connection itself has ended. */
  get isClosed(): boolean {
    return !isOpen(this.#host.raw)
  }

  /** Whether the server has said so with its last answer; undefined if that was an error, and once it is over. */
  get isInTransaction(): boolean | undefined {
    return this.#isOver ? undefined : this.#host.isInTransaction
  }

  /** True once a statement was sent that can commit, by whatever method. */
  get mayHaveCommitted(): boolean {
    return this.#mayHaveCommitted
  }

  /** True if self-contained statements of several tenants may share the connection's session. */
  get canBeCommon(): boolean {
    return this.#host.canBeCommon
  }

  /** A sender, of commands that Knex has not described. */
  get lease(): this {
    return this
  }

  get nature(): StatementNature {
    return UNKNOWN_STATEMENT
  }

  /** True if the connection was acquired for one query, and goes back after it. */
  get isForOneQuery(): boolean {
    return this.#use === 'query'
  }

  /** Sends a statement that Knex has described. */
  queryAs(sender: Sender, args: readonly unknown[]): unknown {
    return this.#sendStatement('query', args, sender)
  }

  /** Adds to a statement's error, or to its connection's, whose statement it was and its outcome. */
  explain(error: unknown): void {
    this.annotate(error, outcomeOf(error, this.#host.isInFlight))
  }

  /** Adds to an error whose statement it was and its outcome. */
  annotate(error: unknown, outcome: Outcome): void {
    annotate(error, { ...aboutPlace(this.#place), connectionId: this.threadId, outcome })
  }

  /** Knex's mark: the connection must not be used again. */
  get __knex__disposed(): unknown {
    if (this.#isOver) return this.#reason
    const { unusable } = this.#host
    return unusable && (unusable.error ?? true)
  }

  /** Knex sets the mark when a query's own timeout has passed. */
  set __knex__disposed(reason: unknown) {
    if (!this.#isOver) this.#host.markUnusable('query-timeout', reason)
  }

  get threadId(): number {
    return this.#host.connectionId
  }

  get config(): ShownConfig {
    this.#config ??= shownConfig(this.#host.raw, this.#place.database)
    return this.#config
  }

  query(...args: unknown[]): unknown {
    return this.#sendStatement('query', args)
  }

  execute(...args: unknown[]): unknown {
    return this.#sendStatement('execute', args)
  }

  /** A prepared statement; its handle belongs to this lease and ends with it. */
  prepare(sql: unknown, callback?: (error: Error | null, statement?: object) => void): unknown {
    const own = (error: Error | null, statement?: object): void => {
      if (error || !statement) callback?.(error)
      else callback?.(null, Object.create(statement, { _connection: { value: this } }))
    }
    return this.#sendStatement('prepare', [sql, own])
  }

  unprepare(sql: unknown): unknown {
    return this.#isOver ? undefined : this.#send('unprepare', [sql])
  }

  ping(callback?: DoneCallback): unknown {
    if (this.#isOver) return this.#refuse([callback], this.overError())
    if (this.isClosed) return failLater(unsentCommand([callback]), this.#closed())
    return this.#send('ping', [callback])
  }

  /** mysql2's own objects (a prepared statement) send their commands here. */
  addCommand(command: Command): Command {
    if (this.#isOver) return this.#refuseCommand(command, this.overError())
    if (this.isClosed) return failLater(command, this.#closed())
    return this.#send('addCommand', [command]) as Command
  }

  /** Refused: the session belongs to the pool, which resets it itself. */
  reset(callback?: DoneCallback): unknown {
    return this.#refuse([callback], methodRefusedError(this.#place, this.threadId, 'reset'))
  }

  /** Refused: it would take the connection out of the tenant's database. */
  changeUser(...args: unknown[]): unknown {
    return this.#refuse(args, methodRefusedError(this.#place, this.threadId, 'changeUser'))
  }

  format(sql: string, values?: unknown): string {
    return this.#host.raw.format(sql, values as never)
  }

  escape(value: unknown): string {
    return this.#host.raw.escape(value)
  }

  escapeId(value: string): string {
    return this.#host.raw.escapeId(value)
  }

  pause(): void {
    if (!this.#isOver) this.#host.raw.pause()
  }

  resume(): void {
    if (!this.#isOver) this.#host.raw.resume()
  }

  /** Closes the connection at once. Commands that run or wait on it fail. */
  destroy(): void {
    if (this.#isOver) return
    this.#host.destroy('closed-by-holder', closedByHolderError())
  }

  /** mysql2's promise flavour of this connection. */
  promise(): unknown {
    return promiseFlavour(this, this.#host.raw)
  }

  #sendStatement(method: SendingMethod, args: readonly unknown[], sender: Sender = this): unknown {
    if (this.#isOver) return this.#refuse(args, this.overError())
    const refusal = refusalOf(sqlOf(args[0]), valuesOf(args))
    if (refusal)
      return this.#refuse(args, statementRefusedError(this.#place, this.threadId, refusal))
    if (this.isClosed) return failLater(unsentCommand(args), this.#closed())
    return this.#send(method, explainOnce(args, sender), sender)
  }

  #send(method: SendingMethod, args: readonly unknown[], sender: Sender = this): unknown {
    if (!sender.nature.cannotCommit) this.#mayHaveCommitted = true
    return this.#host.intake.send(sender, method, args)
  }

  #refuse(args: readonly unknown[], error: TenantKnexError): Command {
    return this.#refuseCommand(unsentCommand(args), error)
  }

  #refuseCommand(command: Command, error: TenantKnexError): Command {
    this.#host.onRefusal(error)
    return failLater(command, error)
  }

  #closed(): TenantKnexError {
    return closedError(this.#place, this.threadId, lossError(this.#host.raw))
  }
}
