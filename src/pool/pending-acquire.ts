import { TimeoutError } from 'tarn'
import type { Gate } from '../connection/gate.ts'
import type { Waiter } from './scheduling/tenant-share.ts'

/** An acquire that got no connection at once. It has one time limit, whatever it waits for. */
export class PendingAcquire {
  readonly promise: Promise<Gate>
  readonly startedAt: number = performance.now()
  /** Its place among those who wait; undefined until it has one. */
  waiter: Waiter<Gate, PendingAcquire> | undefined
  /** Why connecting failed while it waited; undefined where it did not. */
  possibleTimeoutCause: unknown
  #isSettled = false
  #resolve!: (gate: Gate) => void
  #reject!: (error: unknown) => void
  readonly #timer: NodeJS.Timeout

  constructor(timeoutMillis: number, onTimeout: (pending: PendingAcquire) => void) {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#timer = setTimeout(() => {
      onTimeout(this)
      this.reject(new TimeoutError('No connection became free in time.'))
    }, timeoutMillis)
  }

  /** True while it waits for a connection; false while the one it was given is asked whether it lives. */
  get isWaiting(): boolean {
    return this.waiter?.isWaiting ?? false
  }

  get isSettled(): boolean {
    return this.#isSettled
  }

  resolve(gate: Gate): void {
    this.#settle()
    this.#resolve(gate)
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
