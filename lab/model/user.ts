import type { Readable } from 'node:stream'
import type { Lease } from '../../src/connection/lease.ts'
import { KnownSender } from '../../src/connection/sender.ts'
import type { ServerConnection } from '../../src/connection/server-connection.ts'
import { natureOf } from '../../src/knex/statement-nature.ts'
import type { ServerPool } from '../../src/pool/server-pool.ts'
import type { Place } from '../../src/tenants/place.ts'
import type { LocatedTenant } from '../../src/tenants/tenant.ts'
import { isOfTransaction, type Statement, type StatementKind } from './statement.ts'

/** The limits for one user in a run. */
export interface UserLimits {
  /** How often a user acquires a connection. */
  readonly visits: number
  /** How many statements a user sends in a visit. */
  readonly statements: number
  /** The most statements that one user sends without waiting for answers. */
  readonly waiting: number
  readonly kinds: readonly StatementKind[]
  /**
   * The purpose of an acquire. A `query` is one statement of the builder, `statements` is a raw one.
   * A `transaction` is one of Knex's. @defaultValue a `session`: user code holds the connection
   */
  readonly uses?: readonly Use[]
  /** True if self-contained statements name their database. @defaultValue false */
  readonly qualifies?: boolean
  /** True if users also do forbidden things: use a lease after its end, release it twice, and so on. */
  readonly misuses: boolean
}

export type Use = 'query' | 'statements' | 'transaction' | 'session'

/** The functions of the world that a user needs. */
export interface UserHost {
  readonly pool: ServerPool
  gateOf(lease: Lease): ServerConnection | undefined
  readonly limits: UserLimits
  readonly isDestroyed: boolean
  newStatement(kind: StatementKind, tenant: LocatedTenant, isLate: boolean): Statement
  fail(violation: string): void
  /** From now on a connection must not be given to any user. */
  retire(connectionId: number): void
  isRetired(connectionId: number): boolean
  /** A KILL of this lease's running statement was requested. */
  onCancel(lease: Lease, done: Promise<void>): void
}

/** A user acquires connections for a tenant, uses them, and releases them. */
export class User {
  readonly place: Place
  readonly tenant: LocatedTenant
  readonly name: string
  state: 'away' | 'waiting' | 'holding' = 'away'
  lease: Lease | undefined
  visits = 0
  statements: Statement[] = []
  #use: Use = 'session'
  /** Its position among all waiters. */
  turn = 0
  readonly #host: UserHost
  #stream: Readable | undefined
  /** The lease of the last visit, and how often it was used after its end. */
  #old: Lease | undefined
  #misuses = 0
  readonly #slipped: Statement[] = []
  #hasCancelled = false
  /** The acknowledged statements of the open transaction; undefined outside a transaction. */
  #transaction: Statement[] | undefined

  constructor(name: string, place: Place, host: UserHost) {
    this.name = name
    this.place = place
    this.tenant = { id: place.tenant.id, database: place.database }
    this.#host = host
  }

  get open(): Statement[] {
    return this.statements.filter(({ settled }) => settled === 0)
  }

  /** The user's possible next actions. A forbidden one begins with `!`. */
  actions(): string[] {
    const { visits, misuses } = this.#host.limits
    const late = misuses && this.#misuses === 0 ? this.#lateActions() : []
    if (this.state === 'waiting') return late
    if (this.state === 'away') return this.visits < visits ? [...this.#acquires(), ...late] : late
    return [...this.#statementActions(), 'release', ...this.#rareActions(), ...late]
  }

  #lateActions(): string[] {
    if (this.#old === undefined) return []
    // Until running statements are drained and the session is cleaned, the gate takes it for the holder's.
    const gate = this.#host.gateOf(this.#old)
    const meetsGate = gate?.isUsable && gate.holder !== this.#old
    return ['!use late', '!release again', ...(meetsGate ? ['!slip past'] : [])]
  }

  #acquires(): string[] {
    const { uses = ['session'] } = this.#host.limits
    return uses.map((use) => `acquire ${use}`)
  }

  #statementActions(): readonly StatementKind[] {
    const { statements, waiting, kinds } = this.#host.limits
    const mayAsk = this.statements.length < statements && this.open.length <= waiting
    return mayAsk ? kinds.filter((kind) => this.#mayAsk(kind)) : []
  }

  /** Knex itself begins and ends transactions, and sends one statement of a query. */
  #mayAsk(kind: StatementKind): boolean {
    const [first] = this.statements
    if (this.#use === 'session') return true
    if (this.#use === 'query') return first === undefined && BUILT.has(kind)
    if (this.#use === 'statements') {
      return first === undefined && !BUILT.has(kind) && !isOfTransaction(kind)
    }
    if (first === undefined) return kind === 'BEGIN'
    return first.isAcknowledged && kind !== 'BEGIN' && !this.statements.some(isEnd)
  }

  #rareActions(): string[] {
    const actions: string[] = []
    if (this.#stream && !this.#stream.destroyed) actions.push('!cut stream')
    if (this.open.length > 0 && !this.#hasCancelled) actions.push('!cancel')
    if (this.#host.limits.misuses) actions.push('!destroy', '!dispose')
    return actions
  }

  perform(action: string): void {
    switch (action) {
      case 'acquire query':
      case 'acquire statements':
      case 'acquire transaction':
      case 'acquire session':
        this.#acquire(action.split(' ')[1] as Use)
        break
      case 'release':
        this.release()
        break
      case '!release again':
        this.#misuses++
        this.#host.pool.release(this.#old as Lease)
        break
      case '!use late':
        this.#misuses++
        this.#ask('select', this.#old as Lease, true)
        break
      case '!slip past':
        this.#misuses++
        this.#slipPast(this.#old as Lease)
        break
      case '!cut stream':
        this.#stream?.destroy()
        break
      case '!cancel':
        this.#cancel()
        break
      case '!destroy':
        this.lease?.destroy()
        break
      case '!dispose':
        this.#dispose()
        break
      default:
        this.#ask(action as StatementKind, this.lease as Lease, false)
    }
  }

  release(): void {
    const lease = this.lease as Lease
    this.state = 'away'
    this.lease = undefined
    this.#old = lease
    this.#misuses = 0
    this.#host.pool.release(lease)
  }

  /** Everything that the user's future depends on. */
  fingerprint(): string {
    const statements = [...this.statements, ...this.#slipped].map(
      (one) => `${one.kind}${one.settled}${one.isSent}${one.isExecuted}`,
    )
    const stream = this.#stream ? `${this.#stream.destroyed}` : ''
    return [
      ...[this.name, this.state, this.visits, this.#use, this.lease?.threadId, this.#old?.threadId],
      ...[this.#misuses, this.#hasCancelled, stream, ...statements],
    ].join()
  }

  #acquire(use: Use): void {
    this.state = 'waiting'
    this.#use = use
    this.visits++
    this.statements = []
    this.#stream = undefined
    this.#hasCancelled = false
    this.#transaction = undefined
    this.#host.pool.acquire(this.place, use === 'transaction' ? 'session' : use).then(
      (lease) => this.#onLease(lease),
      (error: unknown) => this.#onRefusal(error),
    )
  }

  #onLease(lease: Lease): void {
    this.state = 'holding'
    this.lease = lease
    if (lease.isClosed || lease.__knex__disposed || this.#host.isRetired(lease.threadId)) {
      this.#host.fail(`${this.name} was given a connection that must not be used`)
    }
    if (lease.tenant.id !== this.tenant.id)
      this.#host.fail(`${this.name} was given another’s lease`)
  }

  #onRefusal(error: unknown): void {
    this.state = 'away'
    const { code } = error as { code?: string }
    if (code === 'ERR_DESTROYED' && this.#host.isDestroyed) return
    if (code !== 'ERR_ACQUIRE_TIMEOUT') this.#host.fail(`${this.name} got no connection: ${error}`)
  }

  /** Marks the connection as Knex does after a query's timeout. */
  #dispose(): void {
    const lease = this.lease as Lease
    lease.__knex__disposed = new Error('a query took too long')
    this.#host.retire(lease.threadId)
  }

  #cancel(): void {
    this.#hasCancelled = true
    const lease = this.lease as Lease
    const done = this.#host.pool.cancel(lease)
    this.#host.onCancel(
      lease,
      done.catch(() => undefined),
    )
  }

  #ask(kind: StatementKind, lease: Lease, isLate: boolean): void {
    const statement = this.#host.newStatement(kind, this.tenant, isLate)
    if (!isLate) this.statements.push(statement)
    if (kind === 'stream') {
      this.#readAsStream(statement, lease)
      return
    }
    const onResult = (error: Error | null, rows: unknown): void => {
      tell(statement, error, rows)
      this.#follow(statement)
    }
    if (this.#host.limits.qualifies && !isLate) this.#askAsKnex(statement, lease, onResult)
    else lease.query(statement.sql, onResult)
  }

  /** Sends a statement as Knex's client does. */
  #askAsKnex(statement: Statement, lease: Lease, onResult: Callback): void {
    const connectionSettings = { pool: this.#host.pool }
    const client = { transacting: this.#use === 'transaction', connectionSettings }
    const nature = natureOf(client, lease, queryOf(statement))
    statement.use = nature.session
    const inserts = this.statements.filter((one) => one.kind === 'insert' && one.isAcknowledged)
    if (statement.kind === 'select') statement.mustFind = inserts.at(-1)?.tag ?? 0
    const sender = new KnownSender(lease, nature)
    sender.query({ sql: statement.sql }, [], (error: Error | null, rows: unknown) => {
      if (error) sender.explain(error)
      onResult(error, rows)
    })
  }

  #succeed(statement: Statement): void {
    statement.succeed()
    this.#follow(statement)
  }

  /** An acknowledged COMMIT includes everything that was acknowledged since its BEGIN. */
  #follow(statement: Statement): void {
    if (!this.statements.includes(statement)) return // it belongs to an earlier visit
    const { kind, isAcknowledged } = statement
    if (kind === 'COMMIT' && isAcknowledged) this.#checkCommit(statement)
    if (kind === 'COMMIT' || kind === 'ROLLBACK') this.#transaction = undefined
    else if (kind === 'BEGIN' && isAcknowledged) this.#transaction = []
    else if (isAcknowledged) this.#transaction?.push(statement)
  }

  #checkCommit(commit: Statement): void {
    const lost = this.#transaction?.find(({ isInTransaction, isUndone }) => {
      return !isInTransaction || isUndone
    })
    if (lost) this.#host.fail(`${commit.name} was acknowledged without ${lost.name}`)
  }

  /** Uses a lease after its end without its own check: only the gate can refuse. */
  #slipPast(lease: Lease): void {
    const { intake } = this.#host.gateOf(lease) as ServerConnection
    const statement = this.#host.newStatement('select', this.tenant, false)
    statement.hasSlippedPast = true
    this.#slipped.push(statement)
    intake.send(lease, 'query', [
      statement.sql,
      (reason: Error | null, rows: unknown) => {
        // A copy: others who wait on the connection get the same object.
        const error = reason && Object.assign(new Error(reason.message), reason)
        if (error) lease.explain(error)
        tell(statement, error, rows)
      },
    ])
  }

  /** Reads a stream as Knex does: errors come only through the stream. */
  #readAsStream(statement: Statement, lease: Lease): void {
    const query = lease.query(statement.sql) as { stream(): Readable }
    const stream = query.stream()
    this.#stream = stream
    let error: unknown
    stream.on('data', ({ seen }: { seen: string }) => statement.read(seen))
    stream.on('error', (reason) => {
      lease.explain(reason)
      error = reason
    })
    stream.on('close', () => {
      if (error) statement.failWith(error)
      else if (stream.readableEnded) this.#succeed(statement)
      else statement.settled++ // its reader has ended it
    })
  }
}

type Callback = (error: Error | null, rows: unknown) => void

/** The kinds that the query builder makes. */
const BUILT: ReadonlySet<StatementKind> = new Set(['built', 'insert'])

function isEnd({ kind }: Statement): boolean {
  return kind === 'COMMIT' || kind === 'ROLLBACK'
}

/** Knex's knowledge of a statement. Its own texts have a semicolon in place of the statement's number. */
function queryOf({ kind, sql }: Statement): { sql: string; method?: string } {
  if (kind === 'BEGIN' || kind === 'COMMIT') return { sql: `${kind};` }
  if (kind === 'ROLLBACK') return { sql: kind }
  if (kind === 'built') return { sql, method: 'select' }
  return { sql, method: kind === 'insert' ? 'insert' : 'raw' }
}

function tell(statement: Statement, error: Error | null, rows: unknown): void {
  if (error) {
    statement.failWith(error)
    return
  }
  if (Array.isArray(rows)) {
    for (const { seen } of rows.flat() as { seen?: string }[]) statement.read(seen as string)
  }
  statement.succeed()
}
