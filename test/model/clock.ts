interface Timer {
  readonly millis: number
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
 * Time in the hands of a test: timers of this process fire only when told to, and the monotonic
 * clock stands still. Timers of no length fire by themselves.
 */
export class Clock {
  /** What `performance.now()` says. */
  now = 1_000_000
  readonly #timers = new Map<Handle, Timer>()
  readonly #originals = {
    setTimeout: globalThis.setTimeout,
    clearTimeout: globalThis.clearTimeout,
    setInterval: globalThis.setInterval,
    clearInterval: globalThis.clearInterval,
    now: performance.now,
  }

  install(): void {
    const set = (fn: (...args: unknown[]) => void, millis = 0, ...args: unknown[]) =>
      this.#set(() => fn(...args), millis)
    const clear = (handle: unknown) => this.#timers.delete(handle as Handle)
    Object.assign(globalThis, { setTimeout: set, clearTimeout: clear, clearInterval: clear })
    Object.assign(globalThis, { setInterval: () => new Handle() })
    performance.now = () => this.now
  }

  uninstall(): void {
    const { now, ...timers } = this.#originals
    Object.assign(globalThis, timers)
    performance.now = now
  }

  /** Forgets all timers. */
  reset(): void {
    this.#timers.clear()
    this.now = 1_000_000
  }

  /** Lengths of the timers that run, of those asked about. */
  running(lengths: readonly number[]): number[] {
    return [...this.#timers.values()].map(({ millis }) => millis).filter((m) => lengths.includes(m))
  }

  /** Fires the oldest timer of a length. */
  fire(millis: number): void {
    for (const [handle, timer] of this.#timers) {
      if (timer.millis !== millis) continue
      this.#timers.delete(handle)
      timer.fire()
      return
    }
  }

  #set(fire: () => void, millis: number): Handle {
    const handle = new Handle()
    this.#timers.set(handle, { fire, millis })
    if (millis <= 1) setImmediate(() => this.#timers.delete(handle) && fire())
    return handle
  }
}
