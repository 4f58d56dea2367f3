import { EventEmitter } from 'node:events'
import { TenantKnexError } from '../errors.ts'
import type { Tenant } from '../identifiers.ts'
import { type Command, failCommand, type RawConnection, unsentCommand } from './driver.ts'
import { refusalOf } from './statement-text.ts'

/** What a lease needs of the connection behind it. */
export interface LeaseHost {
  readonly connection: RawConnection
  readonly connectionId: number
  readonly isSwitching: boolean
  disposed: unknown
  call<T>(lease: Lease, fn: () => T): T
  destroy(error: Error): void
}

/**
 * A tenant's hold on a server connection, from acquire to release. This is what Knex and user code
 * see as "the connection"; it has mysql2's methods, and works only until it is released. Each
 * command it starts is known to be its own.
 */
export class Lease {
  readonly tenant: Tenant
  /** Knex's id of the connection. */
  readonly __knexUid: string
  /** Knex's id of the transaction that the connection serves. */
  __knexTxId: string | undefined

  readonly #host: LeaseHost
  #isOver = false
  #events: EventEmitter | undefined

  constructor(host: LeaseHost, tenant: Tenant) {
    this.#host = host
    this.tenant = tenant
    this.__knexUid = `__knexUid${host.connectionId}`
  }

  /** The connection has been taken back: from now on every call fails. */
  revoke(): void {
    this.#isOver = true
    this.#events = undefined
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** Closes the connection. */
  end(callback?: (error: Error | null) => void): void {
    this.destroy()
    if (callback) process.nextTick(callback, null)
  }

  /** Knex's mark: the connection must not be used again. */
  get __knex__disposed(): unknown {
    return this.#host.disposed
  }

  set __knex__disposed(reason: unknown) {
    if (!this.#isOver) this.#host.disposed ??= reason
  }

  /** True where the connection is still being switched: the holder's command has not been sent. */
  get isSwitching(): boolean {
    return this.#host.isSwitching
  }

  get threadId(): number {
    return this.#host.connectionId
  }

  get config(): RawConnection['config'] {
    return this.#host.connection.config
  }

  query(...args: unknown[]): unknown {
    return this.#send('query', args)
  }

  execute(...args: unknown[]): unknown {
    return this.#send('execute', args.map(calledOnce))
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
    return this.#isOver
      ? this.#refuse([callback], this.#released())
      : this.#call('ping', [callback])
  }

  /** Where mysql2's own objects (a prepared statement) hand their commands in. */
  addCommand(command: Command): Command {
    if (!this.#isOver) return this.#call('addCommand', [command]) as Command
    process.nextTick(failCommand, command, this.#released())
    return command
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
      Object.assign(new Error(message), { code: 'PROTOCOL_CONNECTION_LOST', fatal: true }),
    )
  }

  /** mysql2's promise flavour of this connection. */
  promise(): unknown {
    return this.#host.connection.promise.call(this as never)
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
    if (this.#isOver) return this.#refuse(args, this.#released())
    const refusal = refusalOf(sqlOf(args[0]), valuesOf(args))
    if (refusal) return this.#refuse(args, this.#refusedStatement(refusal))
    return this.#call(method, args)
  }

  #call(
    method: 'query' | 'execute' | 'prepare' | 'unprepare' | 'ping' | 'addCommand',
    args: unknown[],
  ): unknown {
    const host = this.#host
    const connection = host.connection as unknown as Record<string, (...args: unknown[]) => unknown>
    return host.call(this, () => connection[method]?.(...args))
  }

  /** Fails a call later, as mysql2 does: its caller may still have to add listeners. */
  #refuse(args: readonly unknown[], error: Error): Command {
    const command = unsentCommand(args)
    process.nextTick(failCommand, command, error)
    return command
  }

  #released(): TenantKnexError {
    return releasedError(this.tenant, this.#host.connectionId)
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
      tenant: this.tenant.id,
      database: this.tenant.database,
      connectionId: this.#host.connectionId,
      outcome: 'not-sent',
    })
  }
}

/** What the holder of a lease that has ended gets. */
export function releasedError(tenant: Tenant | undefined, connectionId: number): TenantKnexError {
  const whose = tenant ? ` of tenant ${JSON.stringify(tenant.id)}` : ''
  return new TenantKnexError(
    'ERR_WRONG_TENANT',
    `A connection${whose} was used after its release; it may be another tenant's by now.`,
    { tenant: tenant?.id, database: tenant?.database, connectionId, outcome: 'not-sent' },
  )
}

/** What the commands get that waited on a connection when it was closed. */
export function closedError(tenant: Tenant | undefined, connectionId: number): TenantKnexError {
  return new TenantKnexError(
    'ERR_CONNECTION_CLOSED',
    'A statement before this one on the same connection left its database, or failed half-way, and ' +
      'the connection was closed. This one was not sent.',
    { tenant: tenant?.id, database: tenant?.database, connectionId, outcome: 'not-sent' },
  )
}

/** mysql2 tells an Execute twice when the connection ends before its Prepare was answered. */
function calledOnce(argument: unknown): unknown {
  if (typeof argument !== 'function') return argument
  let isCalled = false
  return (...args: unknown[]) => {
    if (isCalled) return
    isCalled = true
    argument(...args)
  }
}

/** Values that mysql2 will put into the text. */
function valuesOf([statement, values]: readonly unknown[]): unknown {
  return Array.isArray(values) ? values : (statement as { values?: unknown } | null)?.values
}

/** The text of a statement in any of the forms mysql2 takes, before values are put in. */
function sqlOf(statement: unknown): string {
  if (typeof statement === 'string') return statement
  const sql = (statement as { sql?: unknown } | null | undefined)?.sql
  return typeof sql === 'string' ? sql : ''
}
