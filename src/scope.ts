import { AsyncLocalStorage } from 'node:async_hooks'

/** Says which value is the ambient one in the running chain of asynchronous calls. */
export class Scope<T> {
  readonly #storage = new AsyncLocalStorage<T | undefined>()

  /** The value of the innermost scope, or undefined outside any. */
  current(): T | undefined {
    return this.#storage.getStore()
  }

  /**
   * Runs a function with a value in scope, or with none. Its result is awaited inside the scope: a query builder
   * that it returns starts when awaited.
   */
  run<R>(value: T | undefined, fn: () => R | PromiseLike<R>): Promise<R> {
    return this.#storage.run(value, async () => await fn())
  }
}
