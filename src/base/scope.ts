import { AsyncLocalStorage } from 'node:async_hooks'

/** The value of a scope that is entered before its value is known. */
export class PendingValue<T> {
  value: T | undefined
}

/** Identifies a scope. Several {@link Scope}s with the same key share one scope. */
interface Key {
  /** The value for code outside any scope; only tests set it. */
  fallback: Link | undefined
}

/** The value of one scope in the running code, and a list of the other scopes' values. It is immutable. */
interface Link {
  /** Undefined at the end of a list: no scope has a value. */
  readonly key: Key | undefined
  /** The {@link Scope} that set the value. In a shared scope it may be another one. */
  readonly by: object
  readonly value: unknown
  readonly pending: PendingValue<unknown> | undefined
  /** Outer values that the code inside may return to, the innermost first. */
  readonly outer: readonly unknown[]
  /** Set if the code may leave the scope. After that the link is ignored everywhere. */
  readonly entry: Entered | undefined
  readonly next: Link | undefined
}

interface Entered {
  isLeft: boolean
  /** The link that is in scope after leaving. */
  readonly before: Link | undefined
}

const STORAGE: unique symbol = Symbol.for('tenant-knex.scopes') as never

/**
 * One storage for the process. Node 20 and 22 call each storage at every promise and never free it. So all
 * copies of this module share it, even copies that a test runner loads into separate contexts.
 */
const home = AsyncLocalStorage as { [STORAGE]?: AsyncLocalStorage<Link | undefined> }
const storage = home[STORAGE] ?? new AsyncLocalStorage()
home[STORAGE] = storage

/** Tracks the current value along a chain of asynchronous calls. */
export class Scope<T extends object> {
  /** Scopes that are shared have the same key. */
  readonly key: object
  readonly #key: Key
  readonly #counterpart: (value: T, outer: readonly T[]) => T

  /**
   * @param shared a scope to share: a value that one of the two sets is in scope in both
   * @param counterpart maps a value that another Scope has set in a shared scope to our own value
   */
  constructor(
    shared?: Scope<T>,
    counterpart: (value: T, outer: readonly T[]) => T = (value) => value,
  ) {
    this.#key = (shared?.key as Key | undefined) ?? { fallback: undefined }
    this.key = this.#key
    this.#counterpart = counterpart
  }

  /** The value of the innermost scope, or undefined outside any scope. @throws errors of `counterpart` */
  current(): T | undefined {
    const link = this.#link()
    if (link === undefined) return undefined
    const value = held<T>(link)
    if (value === undefined || link.by === this) return value
    return this.#counterpart(value, link.outer as readonly T[])
  }

  /**
   * The value in scope, followed by the outer values that `runWithin` has kept, the innermost first. They are
   * the values as set, also by others that share the scope.
   */
  around(): readonly T[] {
    const link = this.#link()
    if (link === undefined) return []
    const value = held<T>(link)
    return value === undefined ? [] : [value, ...(link.outer as readonly T[])]
  }

  /**
   * Runs a function with a value in scope, or with none. The result is awaited inside the scope, because a
   * query builder starts when it is awaited.
   */
  run<R>(value: T | undefined, fn: () => R | PromiseLike<R>): Promise<R> {
    return storage.run(this.#linked(value), async () => await fn())
  }

  /**
   * Like {@link run}, and keeps outer values that the code inside may return to: `around` gives them there.
   */
  runWithin<R>(outer: readonly T[], value: T, fn: () => R | PromiseLike<R>): Promise<R> {
    return storage.run(this.#linked(value, outer), async () => await fn())
  }

  /** Calls a function with a value in scope, or with none. The result is not awaited. */
  call<R>(value: T | PendingValue<T> | undefined, fn: () => R): R {
    return storage.run(this.#linked(value), fn)
  }

  /**
   * Enters a new scope for the rest of the running asynchronous context. It is empty until its pending is
   * filled. Code whose context does not end, such as a test that calls a server directly, stays in the scope
   * too.
   */
  enter(): PendingValue<T> {
    const pending = new PendingValue<T>()
    storage.enterWith(this.#linked(pending))
    return pending
  }

  /**
   * Like {@link enter}, with a value and with outer values that the code inside may return to.
   *
   * @returns a function that leaves the scope, in all code that runs in it; a second call does nothing
   */
  enterWithin(outer: readonly T[], value: T): () => void {
    const entry: Entered = { isLeft: false, before: this.#entered() }
    storage.enterWith({ ...this.#linked(value, outer), entry })
    return () => {
      entry.isLeft = true
    }
  }

  /**
   * Sets the value for all code in the process that is outside any scope.
   *
   * @returns a function that removes it; undefined if there is already such a value, and then nothing is set
   */
  fallBackTo(value: T): (() => void) | undefined {
    const key = this.#key
    if (key.fallback) return undefined
    const fallback = { ...this.#linked(value), next: undefined }
    key.fallback = fallback
    return () => {
      if (key.fallback === fallback) key.fallback = undefined
    }
  }

  #link(): Link | undefined {
    return this.#entered() ?? this.#key.fallback
  }

  #entered(): Link | undefined {
    let link = find(storage.getStore(), this.#key)
    while (link?.entry?.isLeft) link = link.entry.before
    return link
  }

  #linked(value: T | PendingValue<T> | undefined, outer: readonly T[] = NOTHING): Link {
    const pending = value instanceof PendingValue ? value : undefined
    const next = without(storage.getStore(), this.#key)
    const own = { value: pending ? undefined : value, pending, outer, entry: undefined }
    return { key: this.#key, by: this, ...own, next }
  }
}

const NOTHING: readonly never[] = []

/**
 * Calls a function outside the scopes of all tenantKnexes. A scope that the function enters ends with the
 * call. Otherwise Node 20 would keep it on a request's connection for the next request.
 */
export function outside<R>(fn: () => R): R {
  const own = { value: undefined, pending: undefined, outer: NOTHING, entry: undefined }
  // Node 20 neither sets nor restores a value that is the same as before. So this object is always new.
  return storage.run({ key: undefined, by: storage, ...own, next: undefined }, fn)
}

/**
 * Calls a function that enters no scope outside all scopes. Without a scope around it, that needs nothing.
 * From its first use on, Node 20 and 22 call the storage at every promise of the process.
 */
export function unscoped<R>(fn: () => R): R {
  return storage.getStore() === undefined ? fn() : outside(fn)
}

function held<T>({ pending, value }: Link): T | undefined {
  return (pending ? pending.value : value) as T | undefined
}

function find(first: Link | undefined, key: Key): Link | undefined {
  let link = first
  while (link?.key && link.key !== key) link = link.next
  return link
}

/** The list without one scope's link. So nesting does not make the list longer. */
function without(link: Link | undefined, key: Key): Link | undefined {
  if (link === undefined) return undefined
  if (link.key === key) return link.next
  const next = without(link.next, key)
  return next === link.next ? link : { ...link, next }
}
