import { setImmediate } from 'node:timers'
import { Worker } from 'node:worker_threads'

/**
 * How long waking up takes, in milliseconds. The alarm rings this much earlier, and the rest is waited for.
 */
const WAKING_MILLIS = 0.08

/** Passes items on after a fixed delay, in order, with a precision of a twentieth of a millisecond. */
export class DelayLine {
  readonly #millis: number
  readonly #waiting: { readonly due: number; readonly act: () => void }[] = []
  readonly #alarm = new Alarm(() => this.#handOn())
  #isHandingOn = false

  constructor(millis: number) {
    this.#millis = millis
  }

  /** Schedules a function after the delay. */
  push(act: () => void): void {
    this.#waiting.push({ due: performance.now() + this.#millis, act })
    if (!this.#isHandingOn && this.#waiting.length === 1) this.#awaitFirst()
  }

  #awaitFirst(): void {
    const first = this.#waiting[0]
    this.#isHandingOn = false
    if (first) this.#alarm.set(first.due - WAKING_MILLIS)
  }

  /** Checks again at each turn of the event loop, so that arriving data does not wait. */
  #handOn(): void {
    this.#isHandingOn = true
    const now = performance.now()
    while (this.#waiting[0] && this.#waiting[0].due <= now) this.#waiting.shift()?.act()
    const isSoon = this.#waiting[0] && this.#waiting[0].due - now < 2 * WAKING_MILLIS
    if (isSoon) setImmediate(() => this.#handOn())
    else this.#awaitFirst()
  }
}

/** Calls a function at a set time. It does not keep the process running. */
class Alarm {
  readonly #state: Int32Array
  readonly #due: Float64Array

  constructor(onTime: () => void) {
    const shared = new SharedArrayBuffer(16)
    this.#state = new Int32Array(shared, 0, 1)
    this.#due = new Float64Array(shared, 8, 1)
    const file = new URL('./delay-alarm.mjs', import.meta.url)
    const sleeper = new Worker(file, { workerData: { shared }, execArgv: [] })
    sleeper.on('message', onTime)
    sleeper.unref()
  }

  /** Sets the time. Call it only after the previous alarm has rung. */
  set(time: number): void {
    this.#due[0] = performance.timeOrigin + time
    Atomics.store(this.#state, 0, 1)
    Atomics.notify(this.#state, 0)
  }
}
