import { AsyncResource } from 'node:async_hooks'
import { createLRU } from 'lru.min'
import { type ErrorDetails, TenantKnexError } from './errors.ts'
import type { ResolvedLookupOptions } from './lookup-options.ts'

/** After a failure the look-up is not asked for the same key for so long. */
const RETRY_MILLIS = 1_000

/** Knows something of a key, or nothing: null or undefined. */
export type LookupFunction<T> = (
  key: string,
) => T | null | undefined | Promise<T | null | undefined>

/** What else a {@link CachedLookup} is told of its function. */
export interface LookupNature {
  /** What is wrong with a value ("it gave …"); undefined where nothing is. */
  readonly problemOf?: (value: unknown) => string | undefined
  /** What errors say of a key beside their message. */
  readonly about?: (key: string) => ErrorDetails
}

/** What the function said, or why it said nothing. */
type Answer<T> = { readonly value: T | null } | Failure

interface Failure {
  readonly problem: string
  readonly cause?: unknown
}

/** What is known of a key. Never changed: what is still the same object is still the last word. */
interface Known<T> {
  /** Undefined where there is a failure only. */
  readonly value: T | null | undefined
  readonly freshUntil: number
  readonly staleUntil: number
  /** Only if the last attempt failed. */
  readonly failure?: Failure
  /** No attempt before. */
  readonly retryAt?: number
}

/**
 * A user's function that looks something up, which may be slow, down or wrong, behind a cache: asked
 * once at a time for each key, and outside any tenant's scope, because several tenants may wait for
 * one answer.
 */
export class CachedLookup<T> {
  readonly #name: string
  readonly #lookup: LookupFunction<T>
  readonly #options: ResolvedLookupOptions
  readonly #nature: LookupNature
  /** Keys with a value. */
  readonly #known: Room<T>
  /** The others. Anybody can make such keys up: they have a room of their own. */
  readonly #unknown: Room<T>
  readonly #flights = new Map<string, Promise<Known<T>>>()
  readonly #outside = new AsyncResource('TENANT_KNEX_LOOKUP')

  /** @param name what messages call the function */
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
   * What `get` would give without asking, so that those who ask often need no promise. Null where
   * there is nothing by that key, undefined where it has to be asked for.
   */
  peek(key: string): T | null | undefined {
    const entry = this.#find(key)
    if (entry === undefined) return undefined
    const now = performance.now()
    if (now < entry.freshUntil) return entry.value
    if (entry.retryAt === undefined || now >= entry.staleUntil) return undefined
    // While the look-up fails, one tries it again now and then; the others need not wait for that.
    return now < entry.retryAt || this.#flights.has(key) ? entry.value : undefined
  }

  /**
   * What is known of a key; null where there is nothing.
   *
   * @throws `ERR_LOOKUP_FAILED`, an error of its own for each caller
   */
  get(key: string): Promise<T | null> {
    const known = this.peek(key)
    return known === undefined ? this.#ask(key) : Promise.resolve(known)
  }

  /** The next one asks anew. What is being asked for now reaches those who wait for it, and no more. */
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

  /** Where there is nothing to give, and it is too early to ask again. */
  #leftAlone(key: string): Known<T> | undefined {
    const entry = this.#find(key)
    const { value, retryAt = 0 } = entry ?? {}
    return value === undefined && performance.now() < retryAt ? entry : undefined
  }

  #join(key: string): Promise<Known<T>> {
    return this.#flights.get(key) ?? this.#outside.runInAsyncScope(() => this.#start(key))
  }

  /** Never rejects. What it finds is kept only if `forget` has not taken it out meanwhile. */
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
      // Not at once: the function may itself look at this cache.
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

  /** An answer that nobody waited for is still of use, unless something newer was said of the key. */
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

/** What a promise that never rejects gives, or undefined where that takes too long. */
function inTime<T extends object>(promise: Promise<T>, millis: number): Promise<T | undefined> {
  return new Promise((resolve) => {
    // What has arrived while this process was busy is read between the timers and the immediates.
    const timer = setTimeout(() => setImmediate(resolve, undefined), millis)
    void promise.then((value) => {
      clearTimeout(timer)
      resolve(value)
    })
  })
}
