import type { Verdict } from '../../connection/hidden-code/verdict.ts'

/**
 * How many databases one inspection asks for. Kills wait for it. MariaDB takes 1 to 3 ms for each, MySQL 1 ms:
 * benchmarks/hidden-code.ts measures it.
 */
export const BATCH = 20
/** How long an inspection waits for other databases to ask for. */
export const GATHER_MILLIS = 20
/** The pause after a failure. It doubles up to the longest. */
export const PAUSE_MILLIS = 1_000
export const MAX_PAUSE_MILLIS = 60_000

/** Asks a server for a verdict about each of some databases. */
export type Inspect = (databases: readonly string[]) => Promise<ReadonlyMap<string, Verdict>>

/** The host that an {@link Inspections} asks for. */
export interface InspectionsHost {
  /** A batch begins now. */
  onBegin(): void
  /** The batch that began last has an answer. */
  onVerdicts(databases: readonly string[], verdicts: ReadonlyMap<string, Verdict>): void
}

/** Asks for databases in the background: many at once, one batch at a time, with a pause after a failure. */
export class Inspections {
  readonly #inspect: Inspect
  readonly #host: InspectionsHost
  readonly #now: () => number
  #waiting = new Set<string>()
  #underWay = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  #pauseMillis = 0
  #pausedUntil = Number.NEGATIVE_INFINITY
  #isStopped = false

  constructor(inspect: Inspect, host: InspectionsHost, now: () => number) {
    this.#inspect = inspect
    this.#host = host
    this.#now = now
  }

  /** Asks for a database, unless an answer is on its way. In a pause it does nothing. */
  ask(database: string): void {
    if (!this.#underWay.has(database)) this.askAnew(database)
  }

  /** Asks for a database in a batch that has not begun yet. In a pause it does nothing. */
  askAnew(database: string): void {
    if (this.#isStopped || this.#now() < this.#pausedUntil) return
    this.#waiting.add(database)
    this.#schedule()
  }

  /** Asks no more. An answer that is on its way does not count. */
  stop(): void {
    this.#isStopped = true
    this.#waiting.clear()
    clearTimeout(this.#timer)
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#underWay.size > 0) return
    // It must not keep the process alive.
    this.#timer = setTimeout(() => void this.#run(), GATHER_MILLIS).unref()
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    this.#timer = undefined
    const batch = [...this.#waiting].slice(0, BATCH)
    for (const database of batch) this.#waiting.delete(database)
    this.#underWay = new Set(batch)
    try {
      this.#host.onBegin()
      const verdicts = await this.#inspect(batch)
      this.#pauseMillis = 0
      if (!this.#isStopped) this.#host.onVerdicts(batch, verdicts)
    } catch {
      this.#pause()
    } finally {
      this.#underWay = new Set()
    }
    if (this.#waiting.size > 0) this.#schedule()
  }

  /** The databases that wait are asked for again when they are used after the pause. */
  #pause(): void {
    this.#pauseMillis = Math.min(this.#pauseMillis * 2 || PAUSE_MILLIS, MAX_PAUSE_MILLIS)
    this.#pausedUntil = this.#now() + this.#pauseMillis
    this.#waiting.clear()
  }
}
