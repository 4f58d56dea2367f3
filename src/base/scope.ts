import { AsyncLocalStorage } from 'node:async_hooks'

/** A scope that was entered before it was known what is in it. */
export class Slot<T> {
  value: T | undefined
}

/** Those who have the same key share one scope. */
interface Key {
  /** What is in scope where nothing else is; only tests set it. */
  fallback: Link | undefined
}

/** What one scope has in the running code, and a list of what the other scopes have. It never changes. */
interface Link {
  /** Undefined at the end of a list: nothing is in any scope. */
  readonly key: Key | undefined
  /** Who has put it there: in a shared scope it may be another one. */
  readonly by: object
  readonly value: unknown
  readonly slot: Slot<unknown> | undefined
  /** Values around it that the code inside may come back to, the innermost first. */
  readonly outer: readonly unknown[]
  /** Set if the code may leave it: it then counts for nothing, wherever it got to meanwhile. */
  readonly entry: Entered | undefined
  readonly next: Link | undefined
}

interface Entered {
  isLeft: boolean
  /** What is in scope once it is left. */
  readonly before: Link | undefined
}

const STORAGE: unique symbol = Symbol.for('tenant-knex.scopes') as never

/**
 * One for the process, as Node 20 and 22 ask each one at every promise, and keep it for ever. So it is
 * shared by all copies of this module, also by those that a test runner loads into contexts of their own.
 */
const home = AsyncLocalStorage as { [STORAGE]?: AsyncLocalStorage<Link | undefined> }
const storage = home[STORAGE] ?? new AsyncLocalStorage()
home[STORAGE] = storage

/** Says which value is the ambient one in the running chain of asynchronous calls. */
export class Scope<T extends object> {
  /** The same for those who share a scope. */
  readonly key: object
  readonly #key: Key
  readonly #counterpart: (value: T, outer: readonly T[]) => T

  /**
   * @param shared another one: what is put into one of the two is in both
   * @param counterpart gives the own value for one that another has put into a shared scope
   */
  constructor(
    shared?: Scope<T>,
    counterpart: (value: T, outer: readonly T[]) => T = (value) => value,
  ) {
    this.#key = (shared?.key as Key | undefined) ?? { fallback: undefined }
    this.key = this.#key
    this.#counterpart = counterpart
  }

  /** The value of the innermost scope, or undefined outside any. @throws what `counterpart` throws */
  current(): T | undefined {
    const link = this.#link()
    if (link === undefined) return undefined
    const value = held<T>(link)
    if (value === undefined || link.by === this) return value
    return this.#counterpart(value, link.outer as readonly T[])
  }

  /**
   * The value in scope, and then those around it that `runWithin` has kept, the innermost first: as they
   * were put in, also by those who share the scope.
   */
  around(): readonly T[] {
    const link = this.#link()
    if (link === undefined) return []
    const value = held<T>(link)
    return value === undefined ? [] : [value, ...(link.outer as readonly T[])]
  }

  /**
   * Runs a function with a value in scope, or with none. Its result is awaited inside the scope: a query builder
   * that it returns starts when awaited.
   */
  run<R>(value: T | undefined, fn: () => R | PromiseLike<R>): Promise<R> {
    return storage.run(this.#linked(value), async () => await fn())
  }

  /** The same, where the code inside may come back to other values: those that `around` gives there. */
  runWithin<R>(outer: readonly T[], value: T, fn: () => R | PromiseLike<R>): Promise<R> {
    return storage.run(this.#linked(value, outer), async () => await fn())
  }

  /** Calls a function with a value in scope, or with none. What it returns is not awaited. */
  call<R>(value: T | Slot<T> | undefined, fn: () => R): R {
    return storage.run(this.#linked(value), fn)
  }

  /**
   * Puts whatever the running code begins from now on into a scope of its own, which is empty until
   * its slot is filled. Where nothing ends the running code's turn, as in a test that calls a server
   * by itself, it stays in there too.
   */
  enter(): Slot<T> {
    const slot = new Slot<T>()
    storage.enterWith(this.#linked(slot))
    return slot
  }

  /**
   * The same with a value, and with others that the code inside may come back to.
   *
   * @returns a function that takes it out of scope, in all code that it got to; called again, it does nothing
   */
  enterWithin(outer: readonly T[], value: T): () => void {
    const entry: Entered = { isLeft: false, before: this.#entered() }
    storage.enterWith({ ...this.#linked(value, outer), entry })
    return () => {
      entry.isLeft = true
    }
  }

  /**
   * Sets what is in scope where nothing else is, in the whole process.
   *
   * @returns a function that ends it; undefined, and nothing is set, while there is another one
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

  #linked(value: T | Slot<T> | undefined, outer: readonly T[] = NOTHING): Link {
    const slot = value instanceof Slot ? value : undefined
    const next = without(storage.getStore(), this.#key)
    const own = { value: slot ? undefined : value, slot, outer, entry: undefined }
    return { key: this.#key, by: this, ...own, next }
  }
}

const NOTHING: readonly never[] = []

/**
 * Calls a function with nothing in scope, of any tenantKnex, and ends what it enters with the call: on Node
 * 20 that would stay with the connection of a request, for the next one.
 */
export function outside<R>(fn: () => R): R {
  const own = { value: undefined, slot: undefined, outer: NOTHING, entry: undefined }
  // Where the value is the same as before, Node 20 neither sets nor restores anything. So it is always new.
  return storage.run({ key: undefined, by: storage, ...own, next: undefined }, fn)
}

function held<T>({ slot, value }: Link): T | undefined {
  return (slot ? slot.value : value) as T | undefined
}

function find(first: Link | undefined, key: Key): Link | undefined {
  let link = first
  while (link?.key && link.key !== key) link = link.next
  return link
}

/** The list without the link of one scope: nested scopes do not make it longer. */
function without(link: Link | undefined, key: Key): Link | undefined {
  if (link === undefined) return undefined
  if (link.key === key) return link.next
  const next = without(link.next, key)
  return next === link.next ? link : { ...link, next }
}
