/** A running timer. */
export interface Timer {
  readonly millis: number
  /** True for an interval. */
  readonly isRepeated: boolean
  readonly cause: string
  readonly fire: () => void
}

/** A timer's handle, as Node's: for `clearTimeout` and `unref`. */
class Handle {
  unref(): this {
    return this
  }
  ref(): this {
    return this
  }
  hasRef(): boolean {
    return true
  }
}

/**
 * Time under a test's control: the timers of this process fire only on request, and its clocks stand still.
 * Timers without a delay fire by themselves.
 */
export class Clock {
  /** The time that the clocks show. */
  now = 1_000_000
  /** The cause of the last action. Timers that start now are named after it. */
  cause = ''
  readonly #timers = new Map<Handle, Timer>()
  readonly #originals = {
    setTimeout: globalThis.setTimeout,
    clearTimeout: globalThis.clearTimeout,
    setInterval: globalThis.setInterval,
    clearInterval: globalThis.clearInterval,
    now: performance.now,
    date: Date.now,
  }

  install(): void {
    const set = (fn: () => void, millis = 0) => this.#set(fn, millis, false)
    const repeat = (fn: () => void, millis = 0) => this.#set(fn, millis, true)
    const clear = (handle: unknown) => this.#timers.delete(handle as Handle)
    Object.assign(globalThis, { setTimeout: set, clearTimeout: clear, clearInterval: clear })
    Object.assign(globalThis, { setInterval: repeat })
    performance.now = () => this.now
    Date.now = () => this.now
  }

  uninstall(): void {
    const { now, date, ...timers } = this.#originals
    Object.assign(globalThis, timers)
    performance.now = now
    Date.now = date
  }

  /** Forgets all timers. */
  reset(): void {
    this.#timers.clear()
    this.now = 1_000_000
  }

  /** The running timers of these lengths, the oldest first. */
  running(lengths: readonly number[]): Timer[] {
    return [...this.#timers.values()].filter(({ millis }) => lengths.includes(millis))
  }

  /** Fires the oldest timer of a length. */
  fire(millis: number): void {
    for (const [handle, timer] of this.#timers) {
      if (timer.millis !== millis) continue
      this.#timers.delete(handle)
      if (timer.isRepeated) this.#timers.set(handle, timer)
      timer.fire()
      return
    }
  }

  #set(fire: () => void, millis: number, isRepeated: boolean): Handle {
    const handle = new Handle()
    this.#timers.set(handle, { fire, millis, isRepeated, cause: this.cause })
    if (millis <= 1 && !isRepeated) setImmediate(() => this.#timers.delete(handle) && fire())
    return handle
  }
}
