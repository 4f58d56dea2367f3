import type { ServerConnection } from '../connection/server-connection.ts'
import type { Place } from '../tenants/place.ts'
import type { Waiter } from './scheduling/tenant-share.ts'

/** An acquire that got no connection at once. Its one time limit covers whatever it waits for. */
export class PendingAcquire {
  readonly place: Place
  readonly promise: Promise<ServerConnection>
  readonly startedAt: number = performance.now()
  /** Its place in the queue; undefined until it has one. */
  waiter: Waiter<ServerConnection, PendingAcquire> | undefined
  #isSettled = false
  #resolve!: (connection: ServerConnection) => void
  #reject!: (error: unknown) => void
  readonly #timer: NodeJS.Timeout

  /** @param onTimeout must reject it */
  constructor(place: Place, timeoutMillis: number, onTimeout: (pending: PendingAcquire) => void) {
    this.place = place
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#timer = setTimeout(() => onTimeout(this), timeoutMillis)
  }

  /** True while it waits for a connection. False while the connection that it got is probed. */
  get isWaiting(): boolean {
    return this.waiter?.isWaiting ?? false
  }

  get isSettled(): boolean {
    return this.#isSettled
  }

  resolve(connection: ServerConnection): void {
    this.#settle()
    this.#resolve(connection)
  }

  reject(error: unknown): void {
    this.#settle()
    this.#reject(error)
  }

  #settle(): void {
    this.#isSettled = true
    clearTimeout(this.#timer)
  }
}
