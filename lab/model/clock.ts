/** A timer that runs. */
export interface Timer {
  readonly millis: number
  /** True where it begins anew each time. */
  readonly isRepeated: boolean
  readonly cause: string
  readonly fire: () => void
}

/** A handle as Node's are used: by `clearTimeout`, and for `unref`. */
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
 * Time in the hands of a test: timers of this process fire only when told to, and its clocks stand
 * still. Timers of no length fire by themselves.
 */
export class Clock {
  /** What the clocks say. */
  now = 1_000_000
  /** Who has just done something: timers that begin now are told by it. */
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

  /** The timers that run, of those lengths, the oldest first. */
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
