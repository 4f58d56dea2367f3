import type { HiddenCode, Verdict } from '../../connection/hidden-code/verdict.ts'
import type { Plainness } from '../../connection/sender.ts'
import { type Inspect, Inspections } from './inspections.ts'
import { RecentMap } from './recent-map.ts'

/** How long the server's word counts. */
export const RECHECK_MILLIS: number = 5 * 60_000
/** When a database that is in use is asked for again, so that there is always a word that counts. */
export const REFRESH_MILLIS: number = 4 * 60_000
/** A database that does not exist may be created at any time. */
export const MISSING_REFRESH_MILLIS = 10_000
/** How many databases are remembered: at least this many, at most twice as many. */
const MAX_KNOWN = 50_000

/** The cached knowledge about a database. */
interface Known {
  /** Undefined if the server has not said yet. */
  verdict: Verdict | undefined
  /** Set if the verdict is `plain`. Statements that were sent on this word keep it. */
  word: { isPlain: boolean } | undefined
  /** When the inspection began. Before all time if a definition ran since. */
  saidAt: number
  /** Only an inspection that begins after this event counts. */
  changedAt: Event
}

/** Events are counted: a later one has a higher number, also in the same millisecond. */
type Event = number

/** A pool's knowledge about the code in its databases. */
export interface PlainReport {
  /** Databases that have no hidden code, as the server said lately. */
  readonly plain: number
  /** Databases whose statements always switch, by reason. */
  readonly switching: Readonly<Record<HiddenCode, number>>
  /** Databases in use that the server has not spoken of yet. Their statements switch, too. */
  readonly unknown: number
}

/**
 * Knows which databases of a server have no hidden code. It knows only what the server said, for a limited
 * time, and asks in the background. In doubt a database is not plain.
 */
export class PlainDatabases {
  readonly #now: () => number
  readonly #inspections: Inspections
  readonly #known = new RecentMap<Known>(MAX_KNOWN)
  /** How many definitions run, of the databases that have any. */
  readonly #defining = new Map<string, number>()
  #turnAt = Number.NEGATIVE_INFINITY
  #lastEvent: Event = 0
  #begun: Event = 0
  #begunAt = 0

  /**
   * @param inspect asks the server. It may reject
   * @param now a monotonic clock, in milliseconds
   */
  constructor(inspect: Inspect, now: () => number = () => performance.now()) {
    this.#now = now
    const host = {
      onBegin: () => this.#onBegin(),
      onVerdicts: (databases: readonly string[], verdicts: ReadonlyMap<string, Verdict>) =>
        this.#onVerdicts(databases, verdicts),
    }
    this.#inspections = new Inspections(inspect, host, now)
  }

  /**
   * True if the server said lately that a database has no hidden code, and no definition ran since. If that
   * is not known, or soon too old, it is asked in the background.
   */
  isPlain(database: string): boolean {
    return this.plainness(database) !== undefined
  }

  /**
   * The server's word that a database has no hidden code, if {@link isPlain} is true of it. It says itself
   * when a definition has begun since.
   */
  plainness(database: string): Plainness | undefined {
    const now = this.#now()
    const known = this.#known.get(database) ?? this.#add(database, now)
    const age = now - known.saidAt
    if (age >= refreshMillis(known) && !this.#defining.has(database)) {
      this.#inspections.ask(database)
    }
    return age < RECHECK_MILLIS ? known.word : undefined
  }

  /**
   * Tells that a statement which may define code in a database is about to be sent. The database is not
   * plain until an inspection that begins after the end says so.
   *
   * @returns to be called when the statement has ended, whether it failed or not
   */
  onDefinition(database: string): () => void {
    this.#defining.set(database, (this.#defining.get(database) ?? 0) + 1)
    this.#doubt(database)
    let isEnded = false
    return () => {
      if (isEnded) return
      isEnded = true
      this.#onDefined(database)
    }
  }

  /** How many databases are plain, and how many are not and why. Only those that were used lately. */
  report(): PlainReport {
    const switching = { ...NONE }
    const counts = { plain: 0, unknown: 0 }
    for (const [, known] of this.#known.entries()) {
      const verdict = this.#verdict(known)
      if (verdict === undefined) counts.unknown++
      else if (verdict === 'plain') counts.plain++
      else switching[verdict]++
    }
    return { ...counts, switching }
  }

  /** Some of the databases whose statements always switch for a reason. */
  switching(reason: HiddenCode, max: number): string[] {
    const found: string[] = []
    for (const [database, known] of this.#known.entries()) {
      if (found.length >= max) break
      if (this.#verdict(known) === reason) found.push(database)
    }
    return found
  }

  /** An error says that a database may not be as the server said. */
  doubt(database: string): void {
    if (this.#doubt(database)) this.#inspections.askAnew(database)
  }

  /** Asks the server no more. From now on knowledge only gets too old. */
  stop(): void {
    this.#inspections.stop()
  }

  #add(database: string, now: number): Known {
    if (now >= this.#turnAt) {
      this.#turnAt = now + RECHECK_MILLIS
      this.#known.turn()
    }
    const known = {
      verdict: undefined,
      word: undefined,
      saidAt: Number.NEGATIVE_INFINITY,
      changedAt: ++this.#lastEvent,
    }
    this.#known.set(database, known)
    return known
  }

  #doubt(database: string): boolean {
    const known = this.#known.get(database)
    if (known === undefined) return false
    takeBack(known)
    known.saidAt = Number.NEGATIVE_INFINITY
    known.changedAt = ++this.#lastEvent
    return true
  }

  #onDefined(database: string): void {
    const left = (this.#defining.get(database) ?? 0) - 1
    if (left > 0) this.#defining.set(database, left)
    else this.#defining.delete(database)
    if (this.#doubt(database) && left <= 0) this.#inspections.askAnew(database)
  }

  #onBegin(): void {
    this.#begun = ++this.#lastEvent
    this.#begunAt = this.#now()
  }

  #onVerdicts(databases: readonly string[], verdicts: ReadonlyMap<string, Verdict>): void {
    for (const database of databases) {
      const known = this.#known.get(database)
      if (known === undefined || known.changedAt > this.#begun) continue
      if (this.#defining.has(database)) continue
      known.verdict = verdicts.get(database) ?? 'unseen'
      known.saidAt = this.#begunAt
      if (known.verdict === 'plain') known.word ??= { isPlain: true }
      else takeBack(known)
    }
  }

  #verdict({ verdict, saidAt }: Known): Verdict | undefined {
    return this.#now() - saidAt < RECHECK_MILLIS ? verdict : undefined
  }
}

const NONE: Readonly<Record<HiddenCode, number>> = {
  triggers: 0,
  views: 0,
  engines: 0,
  expressions: 0,
  missing: 0,
  unseen: 0,
}

function takeBack(known: Known): void {
  if (known.word) known.word.isPlain = false
  known.word = undefined
}

function refreshMillis({ verdict }: Known): number {
  return verdict === 'missing' ? MISSING_REFRESH_MILLIS : REFRESH_MILLIS
}
