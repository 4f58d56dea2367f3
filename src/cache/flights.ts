import { inTime } from '../base/deadline.ts'
import { TenantKnexError } from '../base/errors.ts'
import { computing, isComputing } from './computing.ts'
import type { Epoch } from './tenant-store.ts'

/** One running computation of a key's value. */
export interface Flight {
  /** False once the key was set, deleted or cleared. Then the callers get the value, but it is not kept. */
  readonly isCurrent: boolean
  /** Undefined if the store could not be reached. Then the value cannot be kept. */
  readonly epoch: Epoch | undefined
}

interface RunningFlight extends Flight {
  isCurrent: boolean
  readonly until: number
  result: Promise<unknown>
}

/**
 * Computes a key's value once at a time. Later callers wait for it, for a limited time. After that time
 * only the first caller still gets the value, and the next caller starts a new computation. A caller
 * that has seen another epoch starts a new one too, because another process has cleared the cache since
 * the running one began.
 */
export class Flights {
  readonly #waitMillis: number
  readonly #tenant: string | undefined
  /** Exists only while a value is computed: an empty Map would be most of the memory of a cache. */
  #running: Map<string, RunningFlight> | undefined

  constructor(waitMillis: number, tenant: string | undefined) {
    this.#waitMillis = waitMillis
    this.#tenant = tenant
  }

  /**
   * Computes the value, or waits for a running computation.
   *
   * @param epoch the epoch that the caller has seen; undefined if the store could not be reached
   * @throws `ERR_CACHE_FACTORY_TIMEOUT`
   */
  join<T>(
    key: string,
    epoch: Epoch | undefined,
    compute: (flight: Flight) => Promise<T>,
  ): Promise<T> {
    const running = this.#running?.get(key)
    if (running === undefined) return this.#start(key, epoch, compute)
    if (isShared(running, epoch)) return this.#wait(key, running) as Promise<T>
    this.#leave(key, running)
    return this.#start(key, epoch, compute)
  }

  /**
   * Refuses a key in its own factory, because the factory would wait for itself.
   *
   * @throws `ERR_CACHE_FACTORY_CYCLE`
   */
  checkCycle(key: string): void {
    if (isComputing(this, key)) throw this.#cycle(key)
  }

  /** True if a call would wait for a running computation. */
  isRunning(key: string, epoch: Epoch | undefined): boolean {
    const running = this.#running?.get(key)
    return running !== undefined && isShared(running, epoch)
  }

  /** Marks running computations as too old to keep: that of one key, or all if the key is undefined. */
  outdate(key: string | undefined): void {
    for (const [each, flight] of this.#running ?? []) {
      if (key === undefined || key === each) this.#leave(each, flight)
    }
  }

  #start<T>(
    key: string,
    epoch: Epoch | undefined,
    compute: (flight: Flight) => Promise<T>,
  ): Promise<T> {
    const until = performance.now() + this.#waitMillis
    const flight: RunningFlight = { isCurrent: true, epoch, until, result: Promise.resolve() }
    this.#running ??= new Map()
    this.#running.set(key, flight)
    const result = computing(this, key, () => compute(flight)).finally(() => {
      if (this.#running?.get(key) === flight) this.#remove(key)
    })
    flight.result = result
    return result
  }

  #wait(key: string, flight: RunningFlight): Promise<unknown> {
    return inTime(flight.until - performance.now(), flight.result, () => {
      this.#leave(key, flight)
      return this.#tooLate(key)
    })
  }

  #leave(key: string, flight: RunningFlight): void {
    flight.isCurrent = false
    if (this.#running?.get(key) === flight) this.#remove(key)
  }

  #remove(key: string): void {
    this.#running?.delete(key)
    if (this.#running?.size === 0) this.#running = undefined
  }

  #cycle(key: string): TenantKnexError {
    return new TenantKnexError(
      'ERR_CACHE_FACTORY_CYCLE',
      `The factory for the cache key ${JSON.stringify(key)} asks for the same key, directly or through ` +
        'the factory of another key. It would wait for itself. Remove the cycle.',
      { tenant: this.#tenant },
    )
  }

  #tooLate(key: string): TenantKnexError {
    return new TenantKnexError(
      'ERR_CACHE_FACTORY_TIMEOUT',
      `Another call has started the factory for the cache key ${JSON.stringify(key)}, and it has not ` +
        `ended within ${this.#waitMillis} ms. The next call starts it again. ` +
        'Set the limit with `cache.waitMillis`.',
      { tenant: this.#tenant },
    )
  }
}

/** True if a caller may wait for a flight. A caller that saw no epoch could not reach the store. */
function isShared({ epoch, until }: RunningFlight, seen: Epoch | undefined): boolean {
  return performance.now() < until && (seen === undefined || seen === epoch)
}
