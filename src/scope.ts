import { AsyncLocalStorage } from 'node:async_hooks'

/** A scope that was entered before it was known what is in it. */
export class Slot<T> {
  value: T | undefined
}

/** A value in scope, and those around it that the code inside may come back to. */
class Nested<T> {
  readonly value: T
  readonly outer: readonly T[]

  constructor(value: T, outer: readonly T[]) {
    this.value = value
    this.outer = outer
  }
}

/** Says which value is the ambient one in the running chain of asynchronous calls. */
export class Scope<T extends object> {
  readonly #storage = new AsyncLocalStorage<T | Slot<T> | Nested<T> | undefined>()

  /** The value of the innermost scope, or undefined outside any. */
  current(): T | undefined {
    const store = this.#storage.getStore()
    return store instanceof Slot || store instanceof Nested ? store.value : store
  }

  /** The value in scope, and then those around it that `runWithin` has kept, the innermost first. */
  around(): readonly T[] {
    const current = this.current()
    if (current === undefined) return []
    const store = this.#storage.getStore()
    return store instanceof Nested ? [current, ...store.outer] : [current]
  }

  /**
   * Runs a function with a value in scope, or with none. Its result is awaited inside the scope: a query builder
   * that it returns starts when awaited.
   */
  run<R>(value: T | undefined, fn: () => R | PromiseLike<R>): Promise<R> {
    return this.#storage.run(value, async () => await fn())
  }

  /** The same, where the code inside may come back to other values: those that `around` gives there. */
  runWithin<R>(outer: readonly T[], value: T, fn: () => R | PromiseLike<R>): Promise<R> {
    const store = outer.length > 0 ? new Nested(value, outer) : value
    return this.#storage.run(store, async () => await fn())
  }

  /** Calls a function with a value in scope, or with none. What it returns is not awaited. */
  call<R>(value: T | Slot<T> | undefined, fn: () => R): R {
    return this.#storage.run(value, fn)
  }

  /**
   * Puts whatever the running code begins from now on into a scope of its own, which is empty until
   * its slot is filled. Where nothing ends the running code's turn, as in a test that calls a server
   * by itself, it stays in there too.
   */
  enter(): Slot<T> {
    const slot = new Slot<T>()
    this.#storage.enterWith(slot)
    return slot
  }

  /**
   * Nothing is in scope any more. Without this Node 20 and 22 keep each scope for ever, and every promise
   * of the process costs more for each of them.
   */
  close(): void {
    this.#storage.disable()
  }

  /**
   * Calls a function in no scope, and ends what it enters with the call: on Node 20 that would stay
   * with the connection of a request, for the next one.
   */
  contain<R>(fn: () => R): R {
    // Not undefined: where that is the value already, Node 20 neither sets nor restores anything.
    return this.#storage.run(new Slot<T>(), fn)
  }
}
