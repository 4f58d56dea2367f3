import type { LocatedTenant } from '../../src/tenants/tenant.ts'
import {
  type Answer,
  endsConnection,
  errnoOf,
  type StatementAnswer,
  statementAnswers,
  stepAnswers,
} from './answers.ts'
import type { HiddenCode } from './hidden-code.ts'
import { NEUTRAL_DATABASE, SessionContent } from './session-content.ts'
import { type Peer, Socket } from './socket.ts'
import { isOfTransaction, type Statement } from './statement.ts'
import {
  columns,
  eof,
  err,
  greeting,
  MORE_RESULTS,
  ok,
  packets,
  type Request,
  readRequests,
  row,
} from './wire.ts'

/** The functions of the world that a session uses. */
export interface SessionHost {
  /** True if the server names the database in its answers. */
  readonly isTracked: boolean
  /** The user's statement with this text; undefined if no user sent it. */
  statementOf(sql: string): Statement | undefined
  readonly limits: { readonly qualifies?: boolean }
  /** The code in the tenants' databases. */
  readonly code: Pick<HiddenCode, 'isIn' | 'define' | 'drop'>
  /** A database of another tenant. */
  otherDatabase(tenant: LocatedTenant): string
  /** Kills the running statement of a connection, or the whole connection. */
  kill(connectionId: number, isWhole: boolean): void
  /** True if a connection has a holder who was given a result on it. */
  isServing(connectionId: number): boolean
  /** After its holder's next release, the connection must not be used. */
  retire(connectionId: number): void
  fail(violation: string): void
}

/** The reason why a connection must not be used any more. */
type Doom =
  | 'a switch had failed'
  | 'a statement had left its database'
  | 'a column of another database had come'

/** A request without an answer. */
type Pending = Request & { readonly statement?: Statement | undefined }

/** The server's end of a connection. */
export class Session implements Peer {
  readonly id: number
  readonly socket: Socket
  readonly pending: Pending[] = []
  readonly content: SessionContent = new SessionContent()
  doom: Doom | undefined
  isOpen = true
  /** True when the explorer decides on its answers. */
  isControlled = false
  /** True for the connection beside the pool. */
  isBeside = false
  /** True if a KILL has hit the running statement. */
  isKilled = false
  /** True between the columns of an answer and its rows. */
  isHalfAnswered = false
  /** True if the latest database was refused. */
  #isRefused = false
  readonly #host: SessionHost
  readonly #fail: (violation: string) => void

  constructor(id: number, host: SessionHost) {
    this.id = id
    this.#host = host
    this.#fail = (violation) => host.fail(`on connection ${id}: ${violation}`)
    this.socket = new Socket(this)
    process.nextTick(() => this.#send(0, greeting(id)))
  }

  /** The request that is answered next. */
  get head(): Pending | undefined {
    return this.pending[0]
  }

  /** True while a switch waits for its answers. */
  get isSwitching(): boolean {
    const { head } = this
    return head !== undefined && !head.statement && this.isControlled && !this.isBeside
  }

  /** True if the pool's plan ends in the neutral database. Plain assignments mean the same in each. */
  get #isForNeutral(): boolean {
    const { qualifies } = this.#host.limits
    const last = this.pending.findLast(({ kind }) => kind === 'database')
    return qualifies === true && last?.kind === 'database' && last.database === NEUTRAL_DATABASE
  }

  /** True while a statement that was sent with its switch waits for its answer. */
  get isFollowed(): boolean {
    return this.pending.some(({ statement }) => statement !== undefined)
  }

  /** The possible next answers, the usual one first. */
  answers(): Answer[] {
    const { head } = this
    const { isTracked } = this.#host
    if (head === undefined || !this.isControlled) return []
    if (this.isHalfAnswered) return ['rest']
    if (this.isKilled) return ['error 1317']
    return head.statement
      ? statementAnswers(head.statement, isTracked)
      : stepAnswers(head, isTracked && !this.isFollowed)
  }

  /** Everything that the session's future depends on. */
  fingerprint(): string {
    const { id, doom, isControlled, isHalfAnswered, isKilled } = this
    const pending = this.pending.map(({ kind, statement }) => statement?.name ?? kind)
    const flags = [id, doom, isControlled, isHalfAnswered, isKilled, this.#isRefused]
    return [...flags, this.content.fingerprint(), ...pending].join()
  }

  receive(bytes: Buffer): void {
    if (this.isOpen) for (const request of readRequests(bytes)) this.#take(request)
  }

  /** The connection has ended. Received requests may still be executed. */
  onClose(): void {
    if (!this.isOpen) return
    this.isOpen = false
    for (const request of this.pending) {
      if (request.statement === undefined) this.#apply(request)
      else if (!this.isHalfAnswered && this.#execute(request.statement)) {
        this.#define(request.statement)
      }
    }
    this.pending.length = 0
    this.content.rollBack()
  }

  /** Ends the connection from the server's side. */
  cut(): void {
    this.onClose()
    this.socket.push(null)
    this.socket.destroy()
  }

  /** Executes the first request, and answers it. */
  answer(answer: Answer): void {
    const { head } = this
    if (head === undefined) throw new Error('Nothing is to be answered.')
    this.isKilled = false
    if (head.statement) {
      this.#answerStatement(head.statement, answer as StatementAnswer)
    } else {
      this.pending.shift()
      this.#answerStep(head, answer)
    }
  }

  #take(request: Request): void {
    if (this.doom && request.kind !== 'quit') this.#fail(`it was used although ${this.doom}`)
    const statement = request.kind === 'sql' ? this.#host.statementOf(request.sql) : undefined
    if (statement && request.kind === 'sql') {
      statement.onArrival(request.sql, this.#host.code.isIn(statement.tenant.database))
    }
    this.pending.push({ ...request, statement })
    const isQuestion = request.kind === 'sql' && request.sql.startsWith('SELECT @@')
    if (request.kind === 'quit' || isQuestion || !this.isControlled)
      process.nextTick(() => this.#answerAlone())
  }

  /** While a client connects, and to requests beside the pool, the server answers by itself. */
  #answerAlone(): void {
    const { head } = this
    if (head === undefined) return
    if (head.kind === 'sql' && head.sql.startsWith('KILL')) {
      this.isControlled = true
      this.isBeside = true
      return
    }
    this.pending.shift()
    if (head.kind === 'quit') this.cut()
    else if (head.kind === 'login') this.#send(2, ok(this.content.status))
    else if (head.kind === 'sql' && /^(SHOW|SELECT) /.test(head.sql)) this.#inform(head.sql)
    else this.#carryOut(head)
    if (head.kind === 'database' && this.pending.length === 0) this.isControlled = true
  }

  /** Answers a pool's questions about the server. */
  #inform(sql: string): void {
    if (sql.startsWith('SHOW GLOBAL')) {
      this.#sendTable(['Variable_name', 'Value'], ['Uptime', '1000000'])
    } else {
      const value = sql.includes('@@version')
        ? '11.4.0-MariaDB'
        : sql.includes('ROLE')
          ? 'NONE'
          : '0'
      this.#sendTable(['value'], [value])
    }
  }

  #answerStep(step: Request, answer: Answer): void {
    if (answer === 'ok') {
      this.#carryOut(step)
      return
    }
    const errno = errnoOf(answer)
    const isRecoverable = errno === 1049 || errno === 1044
    if (step.kind === 'database') this.#isRefused = true
    const isSwitch = !this.isBeside && step.kind !== 'ping'
    if (isSwitch && !isRecoverable) this.doom = 'a switch had failed'
    if (answer === 'ok twice') this.#sendTwice(step)
    else if (answer === 'ok elsewhere') this.#carryOut({ kind: 'database', database: 'elsewhere' })
    else this.#send(1, err(errno))
  }

  #sendTwice(step: Request): void {
    this.#apply(step)
    const { status } = this.content
    this.#send(1, ok(status | MORE_RESULTS), ok(status))
  }

  #carryOut(step: Request): void {
    const { content } = this
    this.#apply(step)
    const isTold = step.kind === 'database' && this.#host.isTracked
    this.#send(1, ok(content.status, isTold ? step.database : undefined))
  }

  #apply(step: Request): void {
    const { content } = this
    if (step.kind === 'reset') this.#reset()
    if (step.kind === 'database') {
      content.database = step.database
      this.#isRefused = false
    }
    if (step.kind === 'sql' && this.isBeside) this.#kill(step.sql)
    else if (step.kind === 'sql') content.set(step.sql, this.#fail, this.#isForNeutral)
  }

  /** Removes the holder's transactions, variables and locks. */
  #reset(): void {
    if (this.#host.isServing(this.id)) this.#fail('it was reset under its holder')
    this.content.reset()
  }

  #kill(sql: string): void {
    const [, what, id] = sql.split(' ')
    this.#host.kill(Number(id), what === 'CONNECTION')
  }

  #answerStatement(statement: Statement, answer: StatementAnswer): void {
    const { content } = this
    if (answer === 'rest') {
      this.#endPending()
      this.#send(4, row(content.seenBy(statement)), eof(content.status))
      return
    }
    if (!this.#execute(statement)) {
      this.#endPending()
      this.#refuse(statement, 1109)
      return
    }
    if (answer === 'ok' && statement.kind === 'stream') {
      this.isHalfAnswered = true
      this.#send(1, ...columns(['seen']), eof(content.status))
      return
    }
    this.#endPending()
    if (answer === 'ok') this.#define(statement)
    if (answer !== 'ok') this.#answerOddly(statement, answer)
    else if (statement.kind === 'select') this.#sendTable(['seen'], [content.seenBy(statement)])
    else if (statement.kind === 'built') this.#sendRowOf(statement.tenant.database, statement)
    else if (statement.kind === 'insert') {
      content.leaveId(statement)
      this.#send(1, ok(content.status, undefined, statement.tag))
    } else this.#send(1, ok(content.status))
  }

  /** Returns false if it finds no table, because its switch was refused. */
  #execute(statement: Statement): boolean {
    const { content } = this
    const { kind, tenant, named, name } = statement
    const isNeutral = content.database === NEUTRAL_DATABASE
    const isNowhere = isNeutral && !isOfTransaction(kind) && named === undefined
    const { code } = this.#host
    if (!isNowhere) {
      const hasCode = code.isIn(tenant.database)
      content.execute(statement, this.#fail, this.doom === undefined, hasCode)
    } else if (!this.#isRefused) this.#fail(`${name} was sent to no tenant’s database`)
    return !isNowhere
  }

  #define({ kind, tenant }: Statement): void {
    if (kind === 'define') this.#host.code.define(tenant.database)
    if (kind === 'drop') this.#host.code.drop(tenant.database)
  }

  #answerOddly(statement: Statement, answer: Exclude<StatementAnswer, 'ok' | 'rest'>): void {
    const { content } = this
    const { tenant } = statement
    const other = this.#host.otherDatabase(tenant)
    switch (answer) {
      case 'hidden begin, error':
        content.transaction = tenant.id
        this.#refuse(statement, 1644)
        break
      case 'hidden error':
        content.database = other
        this.#refuse(statement, 1644)
        break
      case 'hidden rows':
        this.#sendRowsOf(other, statement)
        break
      case 'hidden ok':
        content.database = other
        this.#tellOf(other)
        break
      case 'hidden there and back':
        this.#tellOf(tenant.database)
        break
      case 'warnings':
        content.warn(statement)
        this.#sendRowOf(tenant.database, statement, 1)
        break
      case 'foreign column':
        this.doom = 'a column of another database had come'
        this.#sendRowOf(other, statement)
        break
      case 'database gone':
        content.database = undefined
        this.#send(1, ok(content.status, ''))
        break
      default:
        this.#refuse(statement, errnoOf(answer))
    }
  }

  #refuse(statement: Statement, errno: number): void {
    if (endsConnection(`error ${errno}`)) this.#host.retire(this.id)
    statement.isRefused = true
    this.content.warn(statement)
    this.#send(1, err(errno))
  }

  /** The report to the client must end its connection. */
  #tellOf(database: string): void {
    this.doom = 'a statement had left its database'
    this.#send(1, ok(this.content.status, database))
  }

  /** A MariaDB block: rows of another database, followed by the OK that reports it. */
  #sendRowsOf(other: string, statement: Statement): void {
    const { content } = this
    content.database = other
    this.doom = 'a statement had left its database'
    const end = eof(content.status, true)
    const rows = [...columns(['seen']), end, row(content.seenBy(statement)), end]
    this.#send(1, ...rows, ok(content.status, other))
  }

  /** A row whose column is of a database. */
  #sendRowOf(database: string, statement: Statement, warnings = 0): void {
    const { content } = this
    const end = eof(content.status, false, warnings)
    this.#send(1, ...columns(['seen'], database), end, row(content.seenBy(statement)), end)
  }

  #sendTable(names: string[], values: string[]): void {
    const end = eof(this.content.status)
    this.#send(1, ...columns(names), end, row(...values), end)
  }

  #endPending(): void {
    this.pending.shift()
    this.isHalfAnswered = false
  }

  #send(first: number, ...bodies: Buffer[]): void {
    if (!this.socket.destroyed) this.socket.push(packets(first, ...bodies))
  }
}
