import type { PoolEvents } from './pool-view.ts'
import type { ConnectReason } from './scheduling/scheduler.ts'

/** The pool that an opener works for. */
export interface OpenerHost<C> {
  /** A connection is open. */
  add(connection: C): void
  /** An attempt has failed. */
  onOpenFailed(error: unknown, reason: ConnectReason): void
  /** Something may have changed: hands out what is idle, and opens what is missing. */
  look(): void
}

/**
 * Opens connections in the background. After a failure the pool looks again at an interval, and so
 * tries again if a connection is still missing.
 */
export class Opener<C> {
  readonly #open: () => Promise<C>
  readonly #retryMillis: number
  readonly #host: OpenerHost<C>
  readonly #events: PoolEvents
  readonly #pending = new Set<Promise<C>>()
  #retry: NodeJS.Timeout | undefined
  #isStopped = false

  /** @param open opens one connection, or rejects within a time limit of its own */
  constructor(
    open: () => Promise<C>,
    retryMillis: number,
    host: OpenerHost<C>,
    events: PoolEvents,
  ) {
    this.#open = open
    this.#retryMillis = retryMillis
    this.#host = host
    this.#events = events
  }

  /** Attempts under way. */
  get pending(): number {
    return this.#pending.size
  }

  /** Begins one attempt. */
  open(reason: ConnectReason): void {
    const id = this.#events.nextId()
    this.#events.tell('createRequest', id)
    const opening = this.#open()
    this.#pending.add(opening)
    opening.then(
      (connection) => {
        this.#pending.delete(opening)
        this.#host.add(connection)
        this.#events.tell('createSuccess', id, connection)
        this.#host.look()
      },
      (error: unknown) => {
        this.#pending.delete(opening)
        this.#events.tell('createFail', id, error)
        this.#host.onOpenFailed(error, reason)
        this.#lookLater()
      },
    )
  }

  /** Tries no more after a failure. Resolves when no attempt is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#retry)
    await Promise.allSettled(this.#pending)
  }

  #lookLater(): void {
    if (this.#isStopped) return
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined
      this.#host.look()
    }, this.#retryMillis)
  }
}
