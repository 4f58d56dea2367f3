import type { PoolEvents } from './pool-view.ts'

/** The options that a reaper goes by. */
export interface ReaperOptions {
  readonly min: number
  readonly idleTimeoutMillis: number
  readonly reapIntervalMillis: number
}

/** The pool that a reaper works for. */
export interface ReaperHost<C> {
  /** Connections open, idle or used. */
  readonly size: number
  /** Acquires that wait. */
  readonly waiting: number
  /** Connections that are on their way. */
  readonly opening: number
  /** The idle connections, the one that has been idle longest first. */
  idle(): C[]
  /** Takes connections out of the pool and closes them. */
  drop(connections: readonly C[]): void
}

/** Closes what has been idle for too long, at an interval, while more than `min` are open. */
export class Reaper<C extends { readonly usedAt: number }> {
  readonly #options: ReaperOptions
  readonly #host: ReaperHost<C>
  readonly #events: PoolEvents
  #timer: NodeJS.Timeout | undefined

  constructor(options: ReaperOptions, host: ReaperHost<C>, events: PoolEvents) {
    this.#options = options
    this.#host = host
    this.#events = events
  }

  /** Runs until the pool is empty, or `stop` is called. Does nothing if it runs already. */
  start(): void {
    if (this.#timer !== undefined) return
    this.#events.tell('startReaping')
    this.#timer = setInterval(() => this.#reap(), this.#options.reapIntervalMillis)
  }

  stop(): void {
    if (this.#timer === undefined) return
    this.#events.tell('stopReaping')
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #reap(): void {
    const { min, idleTimeoutMillis } = this.#options
    const latest = performance.now() - idleTimeoutMillis
    const stale = this.#host.idle().filter(({ usedAt }) => usedAt <= latest)
    this.#host.drop(stale.slice(0, Math.max(0, this.#host.size - min)))
    const { size, waiting, opening } = this.#host
    if (size + waiting + opening === 0) this.stop()
  }
}
