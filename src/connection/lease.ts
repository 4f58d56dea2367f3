import { EventEmitter } from 'node:events'
import type { DiscardReason } from '../base/diagnostics.ts'
import { annotate, type Outcome, serverErrno, TenantKnexError } from '../base/errors.ts'
import { aboutPlace, type Place } from '../tenants/place.ts'
import type { Tenant } from '../tenants/tenant.ts'
import { refusalOf } from './session/statement-text.ts'
import {
  type Command,
  failCommand,
  isOpen,
  lossError,
  type RawConnection,
  unsentCommand,
} from './wire/driver.ts'

/** What a lease needs of the connection behind it. */
export interface LeaseHost {
  readonly connection: RawConnection
  readonly connectionId: number
  /** Knex's id of the connection: made once, as all leases have it. */
  readonly knexUid: string
  readonly isInFlight: boolean
  readonly isInTransaction: boolean | undefined
  readonly disposal: { readonly error: unknown } | undefined
  call<T>(lease: Lease, fn: () => T): T
  dispose(reason: DiscardReason, error?: unknown): void
  destroy(reason: DiscardReason, error: Error): void
  onRefusal(error: TenantKnexError): void
}

/** What Knex knows of a statement that it hands in. */
export interface StatementNature {
  /** True for a statement that Knex has built, and for BEGIN: it may leave together with a switch. */
  readonly isBuilt: boolean
  /** True for one that leaves nothing in its session, unless its answer says so. */
  readonly isHarmless: boolean
  /** True for one that commits nothing, whether it fails or not. */
  readonly cannotCommit: boolean
}

/** What is known of a statement that comes from elsewhere. */
export const UNKNOWN_STATEMENT: StatementNature = {
  isBuilt: false,
  isHarmless: false,
  cannotCommit: false,
}

/**
 * A tenant's hold on a server connection, from acquire to release. This is what Knex and user code
 * see as "the connection"; it has mysql2's methods, and works only until it is released. Each
 * command it starts is known to be its own.
 */
export class Lease {
  /** Knex's id of the connection. */
  readonly __knexUid: string
  /** Knex's id of the transaction that the connection serves. */
  __knexTxId: string | undefined

  readonly #host: LeaseHost
  readonly #place: Place
  #config: Readonly<RawConnection['config']> | undefined
  #isOver = false
  #reason: TenantKnexError | undefined
  #events: EventEmitter | undefined
  #nature = UNKNOWN_STATEMENT
  #mayHaveCommitted = false

  constructor(host: LeaseHost, place: Place) {
    this.#host = host
    this.#place = place
    this.__knexUid = host.knexUid
  }

  /** Whose it is. User code cannot change it. */
  get tenant(): Tenant {
    return this.#place.tenant
  }

  /** Where it works. */
  get place(): Place {
    return this.#place
  }

  /** Of the statement that is being handed in. */
  get nature(): StatementNature {
    return this.#nature
  }

  /** Hands in a statement of which Knex knows what it is. */
  sendKnown<T>(nature: StatementNature, send: () => T): T {
    this.#nature = nature
    try {
      return send()
    } finally {
      this.#nature = UNKNOWN_STATEMENT
    }
  }

  /** The connection has been taken back: from now on every call fails, for this reason if any. */
  revoke(reason?: TenantKnexError): void {
    this.#isOver = true
    this.#reason = reason
    this.#events = undefined
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** What calls fail with once it is over. */
  overError(): TenantKnexError {
    return this.#reason ?? releasedError(this.#place, this.threadId)
  }

  /** True where the connection itself has ended. */
  get isClosed(): boolean {
    return !isOpen(this.#host.connection)
  }

  /** True once a statement was handed in that can commit, however it was. */
  get mayHaveCommitted(): boolean {
    return this.#mayHaveCommitted
  }

  /** Whether the server has said so with its last answer; undefined if that was an error, and once it is over. */
  get isInTransaction(): boolean | undefined {
    return this.#isOver ? undefined : this.#host.isInTransaction
  }

  /** Closes the connection. */
  end(callback?: (error: Error | null) => void): void {
    this.destroy()
    if (callback) process.nextTick(callback, null)
  }

  /** Knex's mark: the connection must not be used again. */
  get __knex__disposed(): unknown {
    if (this.#isOver) return this.#reason
    const { disposal } = this.#host
    return disposal && (disposal.error ?? true)
  }

  /** Knex sets it where a query's own timeout passed. */
  set __knex__disposed(reason: unknown) {
    if (!this.#isOver) this.#host.dispose('query-timeout', reason)
  }

  get threadId(): number {
    return this.#host.connectionId
  }

  /**
   * A copy that cannot be changed: what one tenant sets, the next would be served with. Once the lease is
   * over, the connection's own names the next tenant's database.
   */
  get config(): Readonly<RawConnection['config']> {
    const { config } = this.#host.connection
    this.#config ??= frozenCopy(config, { database: this.#place.database })
    return this.#config
  }

  query(...args: unknown[]): unknown {
    return this.#send('query', args)
  }

  execute(...args: unknown[]): unknown {
    return this.#send('execute', args)
  }

  beginTransaction(callback?: (error: Error | null) => void): unknown {
    return this.query('START TRANSACTION', callback)
  }

  commit(callback?: (error: Error | null) => void): unknown {
    return this.query('COMMIT', callback)
  }

  rollback(callback?: (error: Error | null) => void): unknown {
    return this.query('ROLLBACK', callback)
  }

  /** A prepared statement; its handle belongs to this lease and ends with it. */
  prepare(sql: unknown, callback?: (error: Error | null, statement?: object) => void): unknown {
    const own = (error: Error | null, statement?: object): void => {
      if (error || !statement) callback?.(error)
      else callback?.(null, Object.create(statement, { _connection: { value: this } }))
    }
    return this.#send('prepare', [sql, own])
  }

  unprepare(sql: unknown): unknown {
    return this.#isOver ? undefined : this.#call('unprepare', [sql])
  }

  ping(callback?: (error: Error | null) => void): unknown {
    if (this.#isOver) return this.#refuse([callback], this.overError())
    if (this.isClosed) return failLater(unsentCommand([callback]), this.#closed())
    return this.#call('ping', [callback])
  }

  /** Where mysql2's own objects (a prepared statement) hand their commands in. */
  addCommand(command: Command): Command {
    if (this.#isOver) return this.#refuseCommand(command, this.overError())
    if (this.isClosed) return failLater(command, this.#closed())
    return this.#call('addCommand', [command]) as Command
  }

  /** Refused: the session belongs to the pool, which resets it itself. */
  reset(callback?: (error: Error | null) => void): unknown {
    return this.#refuse([callback], this.#unsupported('reset'))
  }

  /** Refused: it would take the connection out of the tenant's database. */
  changeUser(...args: unknown[]): unknown {
    return this.#refuse(args, this.#unsupported('changeUser'))
  }

  format(sql: string, values?: unknown): string {
    return this.#host.connection.format(sql, values as never)
  }

  escape(value: unknown): string {
    return this.#host.connection.escape(value)
  }

  escapeId(value: string): string {
    return this.#host.connection.escapeId(value)
  }

  pause(): void {
    if (!this.#isOver) this.#host.connection.pause()
  }

  resume(): void {
    if (!this.#isOver) this.#host.connection.resume()
  }

  /** Closes the connection; what runs on it fails. */
  destroy(): void {
    if (this.#isOver) return
    const message = 'The connection was closed by its holder.'
    this.#host.destroy(
      'closed-by-holder',
      Object.assign(new Error(message), { code: 'PROTOCOL_CONNECTION_LOST', fatal: true }),
    )
  }

  /**
   * Adds to what the server answered, or to why there is no answer, whose statement it was and what
   * became of it.
   */
  explain(error: unknown): void {
    this.annotate(error, outcomeOf(error, this.#host.isInFlight))
  }

  /** Adds to an error whose statement it was, and what became of it. */
  annotate(error: unknown, outcome: Outcome): void {
    annotate(error, { ...aboutPlace(this.#place), connectionId: this.threadId, outcome })
  }

  /** mysql2's name for the same. */
  close(): void {
    this.destroy()
  }

  /** mysql2's promise flavour of this connection. */
  promise(): unknown {
    const promised = this.#host.connection.promise.call(this as never)
    // There mysql2 calls its own methods for these, with this object as if it were the connection.
    for (const method of SYNCHRONOUS) {
      const value = (...args: unknown[]) =>
        (this[method] as (...args: unknown[]) => unknown)(...args)
      Object.defineProperty(promised, method, { value })
    }
    return promised
  }

  on(event: string, listener: (...args: unknown[]) => void): this {
    if (!this.#isOver) this.#emitter().on(event, listener)
    return this
  }

  once(event: string, listener: (...args: unknown[]) => void): this {
    if (!this.#isOver) this.#emitter().once(event, listener)
    return this
  }

  removeListener(event: string, listener: (...args: unknown[]) => void): this {
    this.#events?.removeListener(event, listener)
    return this
  }

  off(event: string, listener: (...args: unknown[]) => void): this {
    return this.removeListener(event, listener)
  }

  /** Tells this lease's listeners that the connection was lost. */
  tellLost(error: Error): void {
    if (this.#events && this.#events.listenerCount('error') > 0) this.#events.emit('error', error)
    this.#events?.emit('end')
  }

  #emitter(): EventEmitter {
    this.#events ??= new EventEmitter()
    return this.#events
  }

  #send(method: 'query' | 'execute' | 'prepare', args: unknown[]): unknown {
    if (this.#isOver) return this.#refuse(args, this.overError())
    const refusal = refusalOf(sqlOf(args[0]), valuesOf(args))
    if (refusal) return this.#refuse(args, this.#refusedStatement(refusal))
    if (this.isClosed) return failLater(unsentCommand(args), this.#closed())
    return this.#sendExplained(method, args)
  }

  /** Calls mysql2 with a callback that explains the errors it passes on. */
  #sendExplained(method: 'query' | 'execute' | 'prepare', args: unknown[]): unknown {
    const at = args.findIndex((argument) => typeof argument === 'function')
    if (at === -1) return this.#call(method, args)
    const callback = args[at] as ResultCallback
    let isCalled = false
    const onResult: ResultCallback = (error, ...rest) => {
      // mysql2 tells a caller again when the connection ends: of an Execute whose Prepare was not
      // answered, of a Query whose own time limit has passed, or passes later.
      if (isCalled) return
      isCalled = true
      if (error) this.explain(error)
      callback(error, ...rest)
    }
    return this.#call(method, args.with(at, onResult))
  }

  #call(
    method: 'query' | 'execute' | 'prepare' | 'unprepare' | 'ping' | 'addCommand',
    args: unknown[],
  ): unknown {
    if (!this.#nature.cannotCommit) this.#mayHaveCommitted = true
    const host = this.#host
    const connection = host.connection as unknown as Record<string, (...args: unknown[]) => unknown>
    return host.call(this, () => connection[method]?.(...args))
  }

  #refuse(args: readonly unknown[], error: TenantKnexError): Command {
    return this.#refuseCommand(unsentCommand(args), error)
  }

  #refuseCommand(command: Command, error: TenantKnexError): Command {
    this.#host.onRefusal(error)
    return failLater(command, error)
  }

  #closed(): TenantKnexError {
    const { connection, connectionId } = this.#host
    return closedError(this.#place, connectionId, lossError(connection))
  }

  #refusedStatement(reason: string): TenantKnexError {
    return this.#notSent('ERR_STATEMENT_REFUSED', `A statement was not sent: ${reason}.`)
  }

  #unsupported(method: string): TenantKnexError {
    return this.#notSent(
      'ERR_STATEMENT_REFUSED',
      `connection.${method}() is not available: the session belongs to the pool.`,
    )
  }

  #notSent(code: 'ERR_STATEMENT_REFUSED', message: string): TenantKnexError {
    return new TenantKnexError(code, message, {
      ...aboutPlace(this.#place),
      connectionId: this.#host.connectionId,
      outcome: 'not-sent',
    })
  }
}

/** Methods that mysql2's promise flavour has as they are (lib/promise/connection.js). */
const SYNCHRONOUS = [
  'close',
  'destroy',
  'escape',
  'escapeId',
  'format',
  'pause',
  'resume',
  'unprepare',
] as const

/** What the holder of a lease that has ended gets. */
export function releasedError(place: Place | undefined, connectionId: number): TenantKnexError {
  const whose = place ? ` of tenant ${JSON.stringify(place.tenant.id)}` : ''
  return new TenantKnexError(
    'ERR_WRONG_TENANT',
    `A connection${whose} was used after its release; it may be another tenant's by now.`,
    { ...aboutPlace(place), connectionId, outcome: 'not-sent' },
  )
}

/** What a statement gets whose connection was closed before its turn came. */
export function closedError(
  place: Place | undefined,
  connectionId: number,
  cause: unknown,
): TenantKnexError {
  return new TenantKnexError(
    'ERR_CONNECTION_CLOSED',
    'The connection was closed before this statement was sent; `cause` says why. ' +
      'A transaction on it has been rolled back by the server.',
    { ...aboutPlace(place), connectionId, outcome: 'not-sent', cause },
  )
}

/** Fails a command as mysql2 does, not at once: its caller may still have to add listeners. */
function failLater(command: Command, error: Error): Command {
  process.nextTick(failCommand, command, error)
  return command
}

/** Hidden properties stay hidden. Lists and plain objects inside are copies, too. */
function frozenCopy<T extends object>(object: T, changes: object = {}): Readonly<T> {
  const properties = Object.getOwnPropertyDescriptors(object) as Record<string, PropertyDescriptor>
  for (const property of Object.values(properties)) property.value = frozenValue(property.value)
  for (const [name, value] of Object.entries(changes))
    properties[name] = { value, enumerable: true }
  return Object.freeze(Object.create(Object.getPrototypeOf(object), properties))
}

function frozenValue(value: unknown): unknown {
  if (Array.isArray(value)) return Object.freeze(value.map(frozenValue))
  if (typeof value !== 'object' || value === null) return value
  return Object.getPrototypeOf(value) === Object.prototype ? frozenCopy(value) : value
}

type ResultCallback = (error: Error | null, ...rest: unknown[]) => void

function outcomeOf(error: unknown, isInFlight: boolean): Outcome {
  const isFatal = (error as { fatal?: boolean } | null)?.fatal === true
  if (serverErrno(error) !== undefined && !isFatal) return 'failed'
  // Only where the connection ended: what a stream's reader threw says nothing of the statement.
  return isFatal && !isInFlight ? 'not-sent' : 'unknown'
}

/** Values that mysql2 will put into the text; those given beside a statement go before its own. */
function valuesOf([statement, values]: readonly unknown[]): unknown {
  if (values !== undefined && typeof values !== 'function') return values
  return (statement as { values?: unknown } | null)?.values
}

/** The text of a statement in any of the forms mysql2 takes, before values are put in. */
function sqlOf(statement: unknown): string {
  if (typeof statement === 'string') return statement
  const sql = (statement as { sql?: unknown } | null | undefined)?.sql
  return typeof sql === 'string' ? sql : ''
}
