import { AsyncResource } from 'node:async_hooks'
import { EventEmitter } from 'node:events'
import type { Lease } from '../connection/lease.ts'
import { ServerConnection } from '../connection/server-connection.ts'

/** Stands for a connection in events. A connection has the same object each time. */
export interface ShownConnection {
  /** The server's own id of the connection. */
  readonly threadId: number
}

/** The events of a pool, with what their listeners get. Names and order are those of tarn, Knex's pool. */
export interface PoolEventArguments {
  acquireRequest: [id: number]
  acquireSuccess: [id: number, connection: ShownConnection]
  acquireFail: [id: number, error: unknown]
  release: [connection: ShownConnection]
  createRequest: [id: number]
  createSuccess: [id: number, connection: ShownConnection]
  createFail: [id: number, error: unknown]
  destroyRequest: [id: number, connection: ShownConnection]
  destroySuccess: [id: number, connection: ShownConnection]
  destroyFail: [id: number, connection: ShownConnection, error: unknown]
  startReaping: []
  stopReaping: []
  poolDestroyRequest: [id: number]
  poolDestroySuccess: [id: number]
}

/** The name of a pool's event. */
export type PoolEvent = keyof PoolEventArguments

/** The part of tarn's surface that only tells. */
export interface PoolView {
  numUsed(): number
  numFree(): number
  numPendingAcquires(): number
  numPendingCreates(): number
  numPendingValidations(): number
  on<E extends PoolEvent>(event: E, listener: (...args: PoolEventArguments[E]) => unknown): void
  removeListener<E extends PoolEvent>(
    event: E,
    listener: (...args: PoolEventArguments[E]) => unknown,
  ): void
  removeAllListeners(event?: PoolEvent): void
}

/** The numbers that a pool shows. */
export interface PoolCounts {
  readonly numUsed: number
  readonly numIdle: number
  readonly waiting: number
  readonly opening: number
  readonly probing: number
}

type Listener = (...args: unknown[]) => void

/**
 * Tells user code the events of a pool, and nothing else. Listeners get no connection and run in no
 * tenant's scope.
 */
export class PoolEvents {
  readonly #emitter = new EventEmitter()
  readonly #outside = new AsyncResource('TENANT_KNEX_POOL_EVENTS')
  readonly #shown = new Map<number, ShownConnection>()
  /** False while there is no listener: then telling does nothing. */
  #isHeard = false
  #lastId = 0

  /** A number for an operation, which all its events have. */
  nextId(): number {
    return ++this.#lastId
  }

  /** Tells the events of an acquire. */
  ofAcquire(acquire: () => Promise<Lease>): Promise<Lease> {
    if (!this.#isHeard) return acquire()
    const id = this.nextId()
    this.tell('acquireRequest', id)
    const acquired = acquire()
    acquired.then(
      ({ threadId }) => this.tell('acquireSuccess', id, this.#show(threadId)),
      (error) => this.tell('acquireFail', id, error),
    )
    return acquired
  }

  /** Calls the listeners of an event. As with tarn, one that throws does not stop the others. */
  tell(event: PoolEvent, ...args: unknown[]): void {
    if (!this.#isHeard) return
    const shown = args.map((arg) =>
      arg instanceof ServerConnection ? this.#show(arg.connectionId) : arg,
    )
    for (const listener of this.#emitter.listeners(event) as Listener[]) {
      try {
        this.#outside.runInAsyncScope(listener, undefined, ...shown)
      } catch {
        // tarn passes the error to its `log`, which Knex does not set.
      }
    }
    const [, connection] = args
    if (event === 'destroySuccess' || event === 'destroyFail')
      this.#shown.delete((connection as ServerConnection).connectionId)
  }

  /** Makes the object that users get in place of Knex's `client.pool`. */
  viewOf(pool: PoolCounts): PoolView {
    const emitter = this.#emitter
    const change = (method: 'on' | 'removeListener' | 'removeAllListeners') => {
      return (...args: [string, Listener]): void => {
        emitter[method](...args)
        this.#isHeard = emitter.eventNames().length > 0
      }
    }
    return Object.freeze({
      numUsed: () => pool.numUsed,
      numFree: () => pool.numIdle,
      numPendingAcquires: () => pool.waiting,
      numPendingCreates: () => pool.opening,
      numPendingValidations: () => pool.probing,
      on: change('on'),
      removeListener: change('removeListener'),
      removeAllListeners: change('removeAllListeners'),
    }) as PoolView
  }

  #show(threadId: number): ShownConnection {
    const known = this.#shown.get(threadId)
    if (known) return known
    const shown = Object.freeze({ threadId })
    this.#shown.set(threadId, shown)
    return shown
  }
}
