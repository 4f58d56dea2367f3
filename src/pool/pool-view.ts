import { AsyncResource } from 'node:async_hooks'
import { EventEmitter } from 'node:events'
import type { Pool } from 'tarn'
import { Gate } from '../connection/gate.ts'
import type { Lease } from '../connection/lease.ts'
import type { GatePool } from './gate-pool.ts'

/** What listeners get of a connection: enough to tell it from the others. The same object each time. */
export interface ShownConnection {
  /** The server's own id of the connection. */
  readonly threadId: number
}

/** The part of tarn's surface that only tells. */
export type PoolView = Readonly<
  Pick<
    Pool<ShownConnection>,
    | 'numUsed'
    | 'numFree'
    | 'numPendingAcquires'
    | 'numPendingCreates'
    | 'numPendingValidations'
    | 'on'
    | 'removeListener'
    | 'removeAllListeners'
  >
>

/** What tarn itself does for our pool. What we do in its place is told by `ofAcquire` and `tell`. */
const OF_TARN = [
  'createRequest',
  'createSuccess',
  'createFail',
  'destroyRequest',
  'destroySuccess',
  'destroyFail',
  'startReaping',
  'stopReaping',
  'poolDestroyRequest',
  'poolDestroySuccess',
] as const

type Listener = (...args: unknown[]) => void

/**
 * Lets user code see a pool's numbers and hear its events, and nothing else. It gets no connection,
 * hears in no tenant's scope, and cannot remove what the pool itself listens to.
 */
export class PoolEvents {
  /** What is in place of Knex's `client.pool`. */
  readonly view: PoolView

  readonly #pool: GatePool
  readonly #emitter = new EventEmitter()
  readonly #outside = new AsyncResource('TENANT_KNEX_POOL_EVENTS')
  readonly #shown = new Map<number, ShownConnection>()
  /** Nothing is done for events as long as nobody wants to hear of them. */
  #isHeard = false

  constructor(pool: GatePool) {
    this.#pool = pool
    for (const event of OF_TARN) {
      pool.on(event as 'createRequest', (...args: unknown[]) => this.tell(event, ...args))
    }
    this.view = this.#createView()
  }

  /** Tells of an acquire what tarn would tell. */
  ofAcquire(acquire: () => Promise<Lease>): Promise<Lease> {
    if (!this.#isHeard) return acquire()
    const id = this.#pool.nextEventId()
    this.tell('acquireRequest', id)
    const acquired = acquire()
    acquired.then(
      ({ threadId }) => this.tell('acquireSuccess', id, this.#show(threadId)),
      (error) => this.tell('acquireFail', id, error),
    )
    return acquired
  }

  /** Calls the listeners of an event. As with tarn, one that throws keeps nobody from hearing. */
  tell(event: string, ...args: unknown[]): void {
    if (!this.#isHeard) return
    const shown = args.map((arg) => (arg instanceof Gate ? this.#show(arg.connectionId) : arg))
    for (const listener of this.#emitter.listeners(event) as Listener[]) {
      try {
        this.#outside.runInAsyncScope(listener, undefined, ...shown)
      } catch {
        // tarn gives it to its `log`, which Knex does not set.
      }
    }
    const [, last] = args
    if (event === 'destroySuccess' || event === 'destroyFail')
      this.#shown.delete((last as Gate).connectionId)
  }

  #show(threadId: number): ShownConnection {
    const known = this.#shown.get(threadId)
    if (known) return known
    const shown = Object.freeze({ threadId })
    this.#shown.set(threadId, shown)
    return shown
  }

  #createView(): PoolView {
    const pool = this.#pool
    const emitter = this.#emitter
    const change = (method: 'on' | 'removeListener' | 'removeAllListeners') => {
      return (...args: [string, Listener]): void => {
        emitter[method](...args)
        this.#isHeard = emitter.eventNames().length > 0
      }
    }
    return Object.freeze({
      numUsed: () => pool.numUsed(),
      numFree: () => pool.numFree(),
      numPendingAcquires: () => pool.numPendingAcquires(),
      numPendingCreates: () => pool.numPendingCreates(),
      numPendingValidations: () => pool.numPendingValidations(),
      on: change('on'),
      removeListener: change('removeListener'),
      removeAllListeners: change('removeAllListeners'),
    }) as PoolView
  }
}
