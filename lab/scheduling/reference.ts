import type { Given, Policy, PolicyLimits } from './policy.ts'

/** The database of a connection whose database is unknown. */
const LOST = ''

interface Connection {
  readonly id: number
  /** Undefined until a tenant has used it. */
  database: string | undefined
  /** The tenant that holds it; undefined while it is idle. */
  holder: string | undefined
  /** How many connections had become idle before it. */
  idleSince: number
}

interface Acquire {
  readonly id: number
  readonly database: string
  readonly number: number
  bypassed: number
}

/** Predicts when a tenant will come next, which only a simulation can do. The best victim comes last. */
export type NextUse = (database: string, now: number) => number

/** Rules that can be left out, to see their effect. */
export interface ReferenceRules {
  /** True if idle connections are chosen by their database. @defaultValue true */
  readonly affinity?: boolean
  /** The idle connection to give if none is in the database. @defaultValue 'either' */
  readonly victim?: 'latest' | 'oldest' | 'spare' | 'either' | NextUse
  /** How often later waiters may overtake the first. @defaultValue 8 */
  readonly bypasses?: number
  /** True if a backlog has a share of its own. @defaultValue true */
  readonly backlogs?: boolean
  /** When connections are opened before there are waiters for them. @defaultValue 'comebacks' */
  readonly widening?: 'never' | 'comebacks' | 'always'
}

/** The rules of the scheduler, literally, with a full search for each of them. */
export class Reference implements Policy {
  connecting = 0
  readonly #limits: PolicyLimits
  readonly #rules: Required<ReferenceRules>
  /** All connections. The one that became idle last is at the end. */
  #connections: Connection[] = []
  #waiting: Acquire[] = []
  readonly #usedAt = new Map<string, number>()
  readonly #returns = new Map<string, { readonly count: number; readonly at: number }>()
  readonly #given = new Map<number, Acquire>()
  #opened = 0
  #turns = 0
  #number = 0
  #misses = 0
  /** Tenants whose connections other tenants have taken over. */
  #losers: string[] = []
  #comebacks = 0
  #failedAt = Number.NEGATIVE_INFINITY

  constructor(limits: PolicyLimits, rules: ReferenceRules = {}) {
    this.#limits = limits
    this.#rules = {
      ...{ affinity: true, victim: 'either', bypasses: 8, backlogs: true, widening: 'comebacks' },
      ...rules,
    }
  }

  get open(): number {
    return this.#connections.length
  }

  get idle(): number {
    return this.#idle().length
  }

  get waiting(): number {
    return this.#waiting.length
  }

  acquire(id: number, database: string, now: number): Given[] {
    if (this.#queue(database).length >= this.#limits.maxWaitingPerTenant) return []
    this.#usedAt.set(database, now)
    this.#waiting.push({ id, database, number: ++this.#number, bypassed: 0 })
    return this.look(now)
  }

  release(id: number, now: number, isLost = false): Given[] {
    const connection = this.#connection(id)
    if (isLost) connection.database = LOST
    const holder = connection.holder as string
    this.#usedAt.set(holder, now)
    this.#returns.set(holder, { count: this.#returnsBy(holder, now) + 1, at: now })
    connection.holder = undefined
    connection.idleSince = ++this.#turns
    this.#moveToEnd(connection)
    return this.look(now)
  }

  connected(now: number): Given[] {
    this.connecting--
    const [id, idleSince] = [++this.#opened, ++this.#turns]
    this.#connections.push({ id, idleSince, database: undefined, holder: undefined })
    return this.look(now)
  }

  connectFailed(now: number): Given[] {
    this.connecting--
    this.#failedAt = now
    return this.look(now)
  }

  leave(id: number): void {
    this.#waiting = this.#waiting.filter((acquire) => acquire.id !== id)
  }

  close(id: number, now: number): Given[] {
    this.#connections = this.#connections.filter((connection) => connection.id !== id)
    return this.look(now)
  }

  takeBack({ id, connection }: Given, now: number): Given[] {
    const acquire = this.#given.get(id) as Acquire
    this.#waiting.push(acquire)
    this.#waiting.sort((a, b) => a.number - b.number)
    return this.close(connection, now)
  }

  look(now: number): Given[] {
    const given: Given[] = []
    for (;;) {
      const next = this.#idle().length > 0 ? this.#next(now) : undefined
      if (next === undefined) break
      this.leave(next.id)
      given.push(this.#give(next, now))
    }
    this.#connect(now)
    this.#forgetUnused()
    return given
  }

  #returnsBy(database: string, now: number): number {
    const { count, at } = this.#returns.get(database) ?? { count: 0, at: now }
    return now - at <= 250 ? count : 0
  }

  /** Forgets tenants that hold, wait for and have no connection. */
  #forgetUnused(): void {
    for (const database of this.#returns.keys()) {
      const isIn = this.#connections.some((one) => one.database === database)
      const isUsed = isIn || this.#inUse(database) > 0 || this.#queue(database).length > 0
      if (!isUsed) this.#returns.delete(database)
    }
  }

  #connect(now: number): void {
    const { max } = this.#limits
    const isWaitedFor = () =>
      this.idle === 0 && this.connecting < this.waiting && this.#head(now) !== undefined
    const isWider = { never: 0, comebacks: this.#comebacks, always: 1 }[this.#rules.widening] >= 0.5
    if (now < this.#failedAt + 5_000) this.#misses = 0
    if (isWider && this.#misses > 0 && this.connecting < 2 && this.open + this.connecting < max) {
      this.connecting++
    }
    this.#misses = 0
    while (this.open + this.connecting < max && isWaitedFor()) this.connecting++
  }

  #give(acquire: Acquire, now: number): Given {
    const connection = this.#choose(acquire.database, now)
    const isSwitch = connection.database !== acquire.database
    const wasAnothers = connection.database !== undefined && connection.database !== LOST
    if (isSwitch && wasAnothers) this.#onMiss(acquire.database, connection.database as string)
    connection.database = acquire.database
    connection.holder = acquire.database
    this.#given.set(acquire.id, acquire)
    return { id: acquire.id, connection: connection.id, isSwitch }
  }

  #onMiss(winner: string, loser: string): void {
    this.#misses++
    const lately = this.#losers.slice(-this.#limits.max)
    this.#comebacks += ((lately.includes(winner) ? 1 : 0) - this.#comebacks) / 256
    this.#losers = [...lately, loser]
  }

  #choose(database: string, now: number): Connection {
    const idle = this.#idle()
    const same = idle.filter((connection) => connection.database === database)
    const free = idle.filter(({ database }) => database === undefined || database === LOST)
    const [oldest] = idle
    const [spare] = idle.filter(
      (one) => idle.filter((other) => other.database === one.database).length > 1,
    )
    const { affinity, victim } = this.#rules
    const isFarOlder = spare && oldest && 2 * this.#age(spare) < this.#age(oldest)
    const found =
      (affinity ? same.at(-1) : undefined) ??
      (affinity ? free.at(-1) : undefined) ??
      (typeof victim === 'function' ? lastToCome(idle, (one) => victim(one, now)) : undefined) ??
      (victim === 'latest' ? idle.at(-1) : undefined) ??
      (victim === 'spare' || (victim === 'either' && !isFarOlder) ? spare : undefined) ??
      oldest
    return found as Connection
  }

  #age({ idleSince }: Connection): number {
    return this.#turns - idleSince
  }

  #next(now: number): Acquire | undefined {
    const head = this.#head(now)
    if (head === undefined) return undefined
    const database = this.#idle().at(-1)?.database
    const first = database === undefined ? undefined : this.#queue(database)[0]
    if (first === undefined || first.database === head.database) return head
    const mayPass = this.#inUse(first.database) < this.#limit(first.database, now)
    if (!mayPass || head.bypassed >= this.#rules.bypasses) return head
    head.bypassed++
    return first
  }

  #head(now: number): Acquire | undefined {
    const within = this.#waiting.find(
      ({ database }) => this.#inUse(database) < this.#limit(database, now),
    )
    if (within) return within
    const least = this.#waiting
      .filter(({ database }) => this.#inUse(database) < this.#cap(database, now))
      .sort((a, b) => this.#inUse(a.database) - this.#inUse(b.database))
    return least[0]
  }

  #limit(database: string, now: number): number {
    const cap = this.#cap(database, now)
    if (!this.#isBacklogged(database)) return cap
    const waiting = new Set(this.#waiting.map((acquire) => acquire.database))
    const backlogged = [...waiting].filter((one) => this.#isBacklogged(one)).length
    return Math.min(cap, Math.max(1, Math.floor(this.#limits.max / 4 / backlogged)))
  }

  #isBacklogged(database: string): boolean {
    return this.#rules.backlogs && this.#queue(database).length > 4 * this.#limits.max
  }

  #cap(database: string, now: number): number {
    const { max, maxPerTenant } = this.#limits
    const others = [...this.#usedAt].some(([one, at]) => one !== database && now - at <= 60_000)
    const holders = this.#connections.some(({ holder }) => holder && holder !== database)
    if (maxPerTenant >= max || !(others || holders)) return max
    const first = Math.max(2, Math.ceil(max / 3))
    return Math.min(maxPerTenant, first + this.#returnsBy(database, now))
  }

  #queue(database: string): Acquire[] {
    return this.#waiting.filter((acquire) => acquire.database === database)
  }

  #inUse(database: string): number {
    return this.#connections.filter(({ holder }) => holder === database).length
  }

  #idle(): Connection[] {
    return this.#connections.filter(({ holder }) => holder === undefined)
  }

  #connection(id: number): Connection {
    return this.#connections.find((connection) => connection.id === id) as Connection
  }

  #moveToEnd(connection: Connection): void {
    this.#connections = [...this.#connections.filter((one) => one !== connection), connection]
  }
}

/** The best possible victim: a duplicate, or else the connection whose tenant comes last. */
function lastToCome(
  idle: readonly Connection[],
  nextUse: (database: string) => number,
): Connection | undefined {
  const seen = new Set<string>()
  let last: { connection: Connection; at: number } | undefined
  for (const connection of idle) {
    const { database = LOST } = connection
    const at = seen.has(database) ? Number.POSITIVE_INFINITY : nextUse(database)
    seen.add(database)
    if (last === undefined || at > last.at) last = { connection, at }
  }
  return last?.connection
}
