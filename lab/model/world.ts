import type { Lease } from '../../src/connection/lease.ts'
import type { ServerConnection } from '../../src/connection/server-connection.ts'
import { resolveOptions } from '../../src/options/options.ts'
import { ServerPool } from '../../src/pool/server-pool.ts'
import type { Place } from '../../src/tenants/place.ts'
import type { LocatedTenant } from '../../src/tenants/tenant.ts'
import { placeOf } from '../../test/support/place.ts'
import type { Answer } from './answers.ts'
import type { Clock, Timer } from './clock.ts'
import { HiddenCode } from './hidden-code.ts'
import { Session, type SessionHost } from './session.ts'
import { Statement, type StatementKind, tagOf } from './statement.ts'
import { User, type UserHost, type UserLimits } from './user.ts'

/** The size of a world, and the events that may happen in it. */
export interface WorldLimits extends UserLimits {
  readonly connections: number
  /** The users: one number each, which is the tenant's. */
  readonly users: readonly number[]
  /** The most faults in one run. */
  readonly faults: number
  /** True if the server names the database in its answers. @defaultValue true */
  readonly isTracked?: boolean
  /** @defaultValue 'hand-over' */
  readonly clean?: 'hand-over' | 'always'
  /** @defaultValue 'auto': statements that the query builder did not make wait for their switch */
  readonly switching?: 'auto' | 'pipelined'
  /** @defaultValue the number of connections */
  readonly maxPerTenant?: number
}

/** Ids and databases whose names begin with each other's. */
const PLACES: readonly Place[] = [
  placeOf('a', 'shop'),
  placeOf('a2', 'shop2'),
  placeOf('a23', 'shop23'),
]

const USES = ['own', 'begin', 'common'] as const

/** The timeout of a switch; no other timer has this length. */
export const SWITCH_MILLIS = 2_001
const ACQUIRE_MILLIS = 10_001
/** Timers that may fire at any time: those of a switch, an acquire, a drain, a KILL, a lost definition. */
const TIMERS = [SWITCH_MILLIS, ACQUIRE_MILLIS, 5_000, 1_000, 60_000]
/** Longer than the pool trusts an idle connection. */
const LONG_MILLIS = 6_000
/** Longer than the pool keeps an idle connection, and longer than its interval for checking. */
const IDLE_MILLIS = 40_000
const REAP_MILLIS = 1_003

/** A requested KILL. */
export interface Cancel {
  readonly connectionId: number
  readonly lease: Lease
  isDone: boolean
}

/**
 * A pool, its connections and its users. The explorer controls the server and the time. Everything is the
 * code that users run, including mysql2's connections; only the other end of each socket is simulated.
 */
export class World implements SessionHost, UserHost {
  readonly pool: ServerPool
  readonly limits: WorldLimits
  readonly users: readonly User[]
  readonly sessions: Session[] = []
  readonly code: HiddenCode
  readonly gates = new Map<number, ServerConnection>()
  readonly cancels: Cancel[] = []
  readonly violations: string[] = []
  readonly clock: Clock
  readonly statements: Statement[] = []
  readonly isTracked: boolean
  readonly #retired = new Set<number>()
  isDestroyed = false
  #isClosed = false
  #faults = 0
  #turns = 0

  constructor(limits: WorldLimits, clock: Clock) {
    this.limits = limits
    this.clock = clock
    this.isTracked = limits.isTracked ?? true
    this.pool = new ServerPool('default', this.#options())
    this.code = new HiddenCode(clock, limits.qualifies ? this.#databases() : [])
    if (limits.qualifies) Object.assign(this.pool, { databases: this.code.known })
    this.users = limits.users.map((index, at) => {
      return new User(`u${at + 1}`, PLACES[index] as Place, this)
    })
  }

  /** Lets the pool learn at first which databases have hidden code: none. */
  async start(): Promise<void> {
    for (const action of this.limits.qualifies ? ['inspect', 'answer'] : []) {
      this.code.perform(action)
      await this.settle()
    }
  }

  /** All possible next events. Faults begin with `!`. */
  actions(): string[] {
    const actions = [
      ...this.users.flatMap((user) => this.#userActions(user)),
      ...this.sessions.flatMap((session) => sessionActions(session)),
      ...this.code.actions,
      ...(this.limits.kinds.includes('define') ? this.#codeActions() : []),
      ...new Set(this.clock.running(TIMERS).map(({ millis }) => `!time ${millis}`)),
      ...(this.pool.stats().idle > 0 ? ['!idle long', '!idle too long'] : []),
      ...(this.isDestroyed ? [] : ['!pool destroy']),
    ]
    const mayFail = this.#faults < this.limits.faults
    return mayFail ? actions : actions.filter((action) => !action.startsWith('!'))
  }

  /** Performs one event, and everything that follows from it alone. */
  async perform(action: string): Promise<void> {
    if (action.startsWith('!')) this.#faults++
    const [who, ...words] = action.replace('!', '').split(' ')
    const what = words.join(' ')
    this.clock.cause = who ?? ''
    if (who === 'time') await this.#fire(Number(what))
    else if (who === 'idle') this.#age(what === 'long' ? LONG_MILLIS : IDLE_MILLIS)
    else if (who === 'pool') this.#destroy()
    else if (who === 'code') this.code.perform(what)
    else if (who === 'another') this.#defineAsOther(what)
    else if (who?.startsWith('u')) this.#performAsUser(Number(who.slice(1)), what, action)
    else this.#performAsServer(Number(who?.slice(1)), what)
    await this.settle()
  }

  /** Lets everything end in the usual way. */
  async finish(): Promise<void> {
    for (let step = 0; step < 200 && this.#isBusy(); step++) {
      for (const session of this.sessions) {
        while (session.answers().length > 0) {
          session.answer(session.answers()[0] as Answer)
          await this.settle()
        }
      }
      for (const user of this.users) if (user.state === 'holding') user.release()
      await this.settle()
    }
  }

  /** Closes the pool, when nothing runs on it. */
  async close(): Promise<void> {
    this.#destroy()
    for (let turn = 0; turn < 10 && !this.#isClosed; turn++) {
      await this.settle()
    }
    if (!this.#isClosed) this.fail('the pool could not be closed')
    if (this.sessions.some(({ isOpen }) => isOpen)) this.fail('a connection was left open')
  }

  /** Everything that the world's future depends on. */
  fingerprint(): string {
    const waiting = this.users.filter(({ state }) => state === 'waiting')
    return [
      this.#faults,
      this.isDestroyed,
      ...this.users.map((user) => user.fingerprint()),
      ...waiting.sort((a, b) => a.turn - b.turn).map(({ name }) => name),
      ...this.sessions.map((session) => this.#fingerprintOf(session)),
      ...this.pool.connections().map(({ connectionId, state }) => `${connectionId}${state}`),
      ...this.clock.running(TIMERS).map((timer) => this.#fingerprintOfTimer(timer)),
      ...(this.limits.qualifies ? [this.code.fingerprint(this.#databases())] : []),
      ...this.cancels.map(({ connectionId, isDone }) => `${connectionId}${isDone}`),
    ].join(';')
  }

  /** Lets all code run that does not wait for an event. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve))
  }

  fail(violation: string): void {
    this.violations.push(violation)
  }

  newStatement(kind: StatementKind, tenant: LocatedTenant, isLate: boolean): Statement {
    const fail = (violation: string) => this.fail(violation)
    const statement = new Statement(this.statements.length + 1, kind, tenant, isLate, fail)
    this.statements.push(statement)
    return statement
  }

  retire(connectionId: number): void {
    this.#retired.add(connectionId)
  }

  gateOf(lease: Lease): ServerConnection | undefined {
    return this.gates.get(lease.threadId)
  }

  isRetired(connectionId: number): boolean {
    return this.#retired.has(connectionId)
  }

  isServing(connectionId: number): boolean {
    const holder = this.users.find(({ lease }) => lease?.threadId === connectionId)
    return holder?.statements.some(({ isAcknowledged }) => isAcknowledged) === true
  }

  statementOf(sql: string): Statement | undefined {
    const tag = tagOf(sql)
    return tag === undefined ? undefined : this.statements[tag - 1]
  }

  otherDatabase(tenant: LocatedTenant): string {
    const index = PLACES.findIndex((place) => place.tenant.id === tenant.id)
    const other = PLACES[(index + 1) % this.limits.users.length] ?? (PLACES[0] as Place)
    return other.database
  }

  onCancel(lease: Lease, done: Promise<void>): void {
    const cancel: Cancel = { connectionId: lease.threadId, lease, isDone: false }
    this.cancels.push(cancel)
    void done.then(() => {
      cancel.isDone = true
    })
  }

  /** A KILL arrives. It must hit only its target. */
  kill(connectionId: number, isWhole: boolean): void {
    const session = this.sessions[connectionId - 1]
    if (!session?.isOpen || session.head === undefined) return
    const holder = this.users.find(({ lease }) => lease?.threadId === connectionId)?.lease
    const isMeant = this.cancels.some((cancel) => {
      return cancel.connectionId === connectionId && (!holder || cancel.lease === holder)
    })
    if (!isMeant) this.fail(`a KILL hit what it was not meant for, on connection ${connectionId}`)
    if (isWhole) session.cut()
    else if (session.head.statement && !session.isHalfAnswered) session.isKilled = true
  }

  #databases(): string[] {
    const indexes = [...new Set(this.limits.users)]
    return indexes.map((index) => (PLACES[index] as Place).database)
  }

  /**
   * Another client may drop code at any time. The pool does not hear of code that another client makes, so it
   * makes some only while the pool knows no better, because a statement of its own may define some.
   */
  #codeActions(): string[] {
    return this.#databases().flatMap((database) => {
      if (this.code.isIn(database)) return `!another drop ${database}`
      const isInDoubt = this.statements.some(({ kind, tenant, isSent, settled }) => {
        return kind === 'drop' && tenant.database === database && isSent && settled === 0
      })
      return isInDoubt ? `!another define ${database}` : []
    })
  }

  #defineAsOther(what: string): void {
    const [verb, database = ''] = what.split(' ')
    if (verb === 'define') this.code.define(database)
    else this.code.drop(database)
  }

  #userActions(user: User): string[] {
    if (user.visits === 0 && user !== this.users.find((other) => this.#isAlike(user, other)))
      return []
    return user.actions().map((action) => {
      return action.startsWith('!') ? `!${user.name} ${action.slice(1)}` : `${user.name} ${action}`
    })
  }

  /** Users without any action so far differ only in name, so only the first of them begins. */
  #isAlike(user: User, other: User): boolean {
    const isPair = this.users.length === 2
    return other.visits === 0 && (isPair || other.tenant === user.tenant)
  }

  #performAsUser(number: number, what: string, action: string): void {
    const user = this.users[number - 1] as User
    if (what.startsWith('acquire')) user.turn = ++this.#turns
    user.perform(action.startsWith('!') ? `!${what}` : what)
  }

  #performAsServer(number: number, what: string): void {
    const session = this.sessions[number - 1] as Session
    if (what === 'cut') session.cut()
    else session.answer(what as Answer)
  }

  /** Time passes without events, and the pool may close old connections. */
  #age(millis: number): void {
    this.clock.now += millis
    if (millis === IDLE_MILLIS) this.clock.fire(REAP_MILLIS)
  }

  #destroy(): void {
    this.isDestroyed = true
    void this.pool.destroy(0).then(() => {
      this.#isClosed = true
    })
  }

  /** A switch that exceeds its timeout ends its connection. */
  async #fire(millis: number): Promise<void> {
    const switching = this.sessions.filter((session) => session.isSwitching)
    this.clock.fire(millis)
    await this.settle()
    if (millis === SWITCH_MILLIS && !switching.some(({ isOpen }) => !isOpen)) {
      this.fail('a switch took too long, and its connection went on')
    }
  }

  #isBusy(): boolean {
    const { used, waiting } = this.pool.stats()
    if (this.users.some(({ state }) => state === 'holding')) return true
    return used > 0 || waiting > 0 || this.sessions.some((session) => session.answers().length > 0)
  }

  #fingerprintOf(session: Session): string {
    const { id, isOpen } = session
    if (!isOpen) return `c${id}`
    const gate = this.gates.get(id)
    const known = gate && [
      ...[gate.state.owner?.tenant.id, gate.state.database, gate.state.leftover()],
      ...[gate.unusable?.reason, gate.isInFlight, gate.isTracked, gate.isPaused],
      this.clock.now - gate.usedAt < LONG_MILLIS,
      ...(this.limits.qualifies ? this.#knowledgeOf(gate) : []),
    ]
    return `${session.fingerprint()},${known}`
  }

  /** All that can be seen of what is known of a session. */
  #knowledgeOf({ state }: ServerConnection): unknown[] {
    return PLACES.flatMap((place) =>
      USES.flatMap((use) => [state.need(place, use), state.databaseFor(place, use)]),
    )
  }

  /** If there are several connections, the owner of the oldest timer matters. */
  #fingerprintOfTimer({ millis, cause }: Timer): string {
    return this.limits.connections === 1 ? `${millis}` : `${millis}${cause}`
  }

  #options() {
    const connection = { host: 'model', user: 'model', stream: () => this.#connect() }
    const pool = {
      max: this.limits.connections,
      maxPerTenant: this.limits.maxPerTenant ?? this.limits.connections,
      acquireTimeoutMillis: ACQUIRE_MILLIS,
      createTimeoutMillis: 900_000,
      maxLifetimeMillis: 900_000_000,
      reapIntervalMillis: REAP_MILLIS,
    }
    return resolveOptions({
      connection: connection as never,
      pool,
      acquireConnectionTimeout: ACQUIRE_MILLIS,
      switchTimeoutMillis: SWITCH_MILLIS,
      clean: this.limits.clean ?? 'hand-over',
      switching: this.limits.switching ?? 'auto',
      qualify: this.limits.qualifies ? 'auto' : 'never',
    })
  }

  #connect(): unknown {
    const session = new Session(this.sessions.length + 1, this)
    this.sessions.push(session)
    return session.socket
  }
}

function sessionActions(session: Session): string[] {
  const answers = session.answers().map((answer, index) => {
    return index === 0 ? `c${session.id} ${answer}` : `!c${session.id} ${answer}`
  })
  return session.isOpen && session.isControlled ? [...answers, `!c${session.id} cut`] : answers
}
