import { AsyncResource } from 'node:async_hooks'
import { createLRU } from 'lru.min'
import { type ErrorDetails, TenantKnexError } from './errors.ts'
import type { ResolvedLookupOptions } from './lookup-options.ts'

/** After a failed call, the function is not called again for the same key for this long. */
const RETRY_MILLIS = 1_000

/** Gives the value of a key. Null and undefined mean that there is none. */
export type LookupFunction<T> = (
  key: string,
) => T | null | undefined | Promise<T | null | undefined>

/** Optional details about the function of a {@link CachedLookup}. */
export interface LookupNature {
  /** Says what is wrong with a value ("it gave …"); undefined if the value is good. */
  readonly problemOf?: (value: unknown) => string | undefined
  /** The details that errors about a key carry. */
  readonly about?: (key: string) => ErrorDetails
}

/** The answer of one call: a value, or a failure. */
type Answer<T> = { readonly value: T | null } | Failure

interface Failure {
  readonly problem: string
  readonly cause?: unknown
}

/**
 * The cached knowledge about a key. It is immutable, so an unchanged object means that nothing newer is
 * known.
 */
interface Known<T> {
  /** Undefined if there is a failure and no value. */
  readonly value: T | null | undefined
  readonly freshUntil: number
  readonly staleUntil: number
  /** Set if the last call failed. */
  readonly failure?: Failure
  /** The earliest time of the next call. */
  readonly retryAt?: number
}

/**
 * Caches a user's look-up function, which may be slow, down or wrong. There is one call at a time for each
 * key. Calls run outside any tenant's scope, because several tenants may wait for one answer.
 */
export class CachedLookup<T> {
  readonly #name: string
  readonly #lookup: LookupFunction<T>
  readonly #options: ResolvedLookupOptions
  readonly #nature: LookupNature
  /** Keys with a value. */
  readonly #known: Room<T>
  /** Keys without a value. They have a cache of their own: invented keys evict no real ones. */
  readonly #unknown: Room<T>
  readonly #flights = new Map<string, Promise<Known<T>>>()
  readonly #outside = new AsyncResource('TENANT_KNEX_LOOKUP')

  /** @param name the name of the function in messages */
  constructor(
    name: string,
    lookup: LookupFunction<T>,
    options: ResolvedLookupOptions,
    nature: LookupNature = {},
  ) {
    this.#name = name
    this.#lookup = lookup
    this.#options = options
    this.#nature = nature
    this.#known = createLRU({ max: options.max })
    this.#unknown = createLRU({ max: options.max })
  }

  /**
   * The value that `get` would give without calling the function. It saves frequent callers a promise. Null
   * if the key has no value; undefined if the function has to be called.
   */
  peek(key: string): T | null | undefined {
    const entry = this.#find(key)
    if (entry === undefined) return undefined
    const now = performance.now()
    if (now < entry.freshUntil) return entry.value
    if (entry.retryAt === undefined || now >= entry.staleUntil) return undefined
    // While the function fails, one caller retries it now and then. The others get the stale value at once.
    return now < entry.retryAt || this.#flights.has(key) ? entry.value : undefined
  }

  /**
   * The value of a key, or null if there is none.
   *
   * @throws `ERR_LOOKUP_FAILED`, a new error for each caller
   */
  get(key: string): Promise<T | null> {
    const known = this.peek(key)
    return known === undefined ? this.#ask(key) : Promise.resolve(known)
  }

  /** Makes the next `get` call the function again. A call under way answers only its present waiters. */
  forget(key: string): void {
    this.#known.delete(key)
    this.#unknown.delete(key)
    this.#flights.delete(key)
  }

  async #ask(key: string): Promise<T | null> {
    const entry = this.#leftAlone(key) ?? (await this.#join(key))
    if (entry.value !== undefined) return entry.value
    throw this.#error(key, entry.failure as Failure)
  }

  /** The entry of a key that has no value and whose next call is not due yet. */
  #leftAlone(key: string): Known<T> | undefined {
    const entry = this.#find(key)
    const { value, retryAt = 0 } = entry ?? {}
    return value === undefined && performance.now() < retryAt ? entry : undefined
  }

  #join(key: string): Promise<Known<T>> {
    return this.#flights.get(key) ?? this.#outside.runInAsyncScope(() => this.#start(key))
  }

  /** Never rejects. Keeps the answer unless `forget` was called meanwhile. */
  #start(key: string): Promise<Known<T>> {
    const askedAt = performance.now()
    const { timeoutMillis } = this.#options
    const asked = this.#call(key)
    const flight: Promise<Known<T>> = inTime(asked, timeoutMillis).then((inTime) => {
      const answer = inTime ?? { problem: `it did not answer within ${timeoutMillis} ms` }
      const entry = this.#entry(key, answer, askedAt)
      if (this.#flights.get(key) !== flight) return entry
      this.#flights.delete(key)
      this.#keep(key, entry)
      if (inTime === undefined) void asked.then((late) => this.#keepLate(key, entry, late, askedAt))
      return entry
    })
    this.#flights.set(key, flight)
    return flight
  }

  async #call(key: string): Promise<Answer<T>> {
    try {
      // Called a microtask later, because the function may use this cache itself.
      const value = (await Promise.resolve(key).then(this.#lookup)) ?? null
      const problem = value === null ? undefined : this.#nature.problemOf?.(value)
      return problem === undefined ? { value } : { problem }
    } catch (cause) {
      return { problem: 'it threw (see `cause`)', cause }
    }
  }

  #entry(key: string, answer: Answer<T>, askedAt: number): Known<T> {
    if ('problem' in answer) return this.#failed(key, answer)
    const { ttlMillis, negativeTtlMillis, staleMillis } = this.#options
    const isNegative = answer.value === null
    const freshUntil = askedAt + (isNegative ? negativeTtlMillis : ttlMillis)
    const staleUntil = freshUntil + (isNegative ? 0 : staleMillis)
    return { value: answer.value, freshUntil, staleUntil }
  }

  #failed(key: string, failure: Failure): Known<T> {
    const now = performance.now()
    const retryAt = now + RETRY_MILLIS
    const before = this.#find(key)
    return before !== undefined && now < before.staleUntil
      ? { ...before, failure, retryAt }
      : { value: undefined, freshUntil: 0, staleUntil: 0, failure, retryAt }
  }

  #find(key: string): Known<T> | undefined {
    return this.#known.get(key) ?? this.#unknown.get(key)
  }

  #keep(key: string, entry: Known<T>): void {
    const isKnown = entry.value !== undefined && entry.value !== null
    const [room, other] = isKnown ? [this.#known, this.#unknown] : [this.#unknown, this.#known]
    other.delete(key)
    room.set(key, entry)
  }

  /** Keeps an answer that came after the timeout, unless something newer is known about the key. */
  #keepLate(key: string, entry: Known<T>, late: Answer<T>, askedAt: number): void {
    if (this.#find(key) === entry) this.#keep(key, this.#entry(key, late, askedAt))
  }

  #error(key: string, { problem, cause }: Failure): TenantKnexError {
    return new TenantKnexError(
      'ERR_LOOKUP_FAILED',
      `${this.#name} failed for ${JSON.stringify(key)}: ${problem}. It is asked again after ` +
        `${RETRY_MILLIS} ms.`,
      { ...this.#nature.about?.(key), outcome: 'not-sent', cause },
    )
  }
}

type Room<T> = ReturnType<typeof createLRU<string, Known<T>>>

/** The result of a promise that never rejects, or undefined after a timeout. */
function inTime<T extends object>(promise: Promise<T>, millis: number): Promise<T | undefined> {
  return new Promise((resolve) => {
    // setImmediate: answers that arrived while the process was busy are read after timers, before immediates.
    const timer = setTimeout(() => setImmediate(resolve, undefined), millis)
    void promise.then((value) => {
      clearTimeout(timer)
      resolve(value)
    })
  })
}
