import { TenantKnexError } from '../base/errors.ts'
import { computing, isComputing } from './computing.ts'
import type { Epoch } from './tenant-store.ts'

/** A value that is being computed. */
export interface Flight {
  /** False once something newer was said about the key: then the value is handed out, not kept. */
  readonly isCurrent: boolean
  /** Undefined if the store could not be reached: then nothing can be kept. */
  readonly epoch: Epoch | undefined
}

interface RunningFlight extends Flight {
  isCurrent: boolean
  readonly until: number
  result: Promise<unknown>
}

/**
 * Sees to it that a key's value is computed once at a time. Whoever comes meanwhile waits for it, but
 * for a limited time: after that it is nobody's but its first caller's, and the next one begins anew.
 * So does one who has seen another epoch: another process has cleared what is being computed.
 */
export class Flights {
  readonly #waitMillis: number
  readonly #tenant: string | undefined
  /** Only while there are some: a Map for each tenant would be most of what its cache takes. */
  #running: Map<string, RunningFlight> | undefined

  constructor(waitMillis: number, tenant: string | undefined) {
    this.#waitMillis = waitMillis
    this.#tenant = tenant
  }

  /**
   * Computes, or waits for what is being computed.
   *
   * @param epoch what the caller has found; undefined where the store could not be reached
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
   * Refuses a key that is asked for in its own factory, which would wait for itself.
   *
   * @throws `ERR_CACHE_FACTORY_CYCLE`
   */
  checkCycle(key: string): void {
    if (isComputing(this, key)) throw this.#cycle(key)
  }

  /** True while a call would wait. */
  isRunning(key: string, epoch: Epoch | undefined): boolean {
    const running = this.#running?.get(key)
    return running !== undefined && isShared(running, epoch)
  }

  /** What is being computed for this key, or for any, was asked for too early to be kept. */
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

  async #wait(key: string, flight: RunningFlight): Promise<unknown> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<never>((_, reject) => {
      const expire = (): void => {
        this.#leave(key, flight)
        reject(this.#tooLate(key))
      }
      timer = setTimeout(expire, flight.until - performance.now())
    })
    try {
      return await Promise.race([flight.result, late])
    } finally {
      clearTimeout(timer)
    }
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
      `The factory for the cache key ${JSON.stringify(key)} asks for this key itself, perhaps in the ` +
        'factory of another key, and would wait for itself. Break the cycle.',
      { tenant: this.#tenant },
    )
  }

  #tooLate(key: string): TenantKnexError {
    return new TenantKnexError(
      'ERR_CACHE_FACTORY_TIMEOUT',
      `The factory for the cache key ${JSON.stringify(key)}, which another call has started, has ` +
        `not ended within ${this.#waitMillis} ms. The next call starts it again; ` +
        '`cache.waitMillis` is the limit.',
      { tenant: this.#tenant },
    )
  }
}

/** Who could not reach the store takes what there is. */
function isShared({ epoch, until }: RunningFlight, seen: Epoch | undefined): boolean {
  return performance.now() < until && (seen === undefined || seen === epoch)
}
