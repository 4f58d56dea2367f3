import { TenantKnexError } from '../../base/errors.ts'
import { isThenable } from '../../base/thenable.ts'
import { StoreUnavailable, WaitedTooLong } from '../store-unavailable.ts'
import type { MaybePromise } from '../tenant-store.ts'
import { Breaker } from './breaker.ts'
import type { KeyValue, Texts } from './key-value.ts'

const LEFT_ALONE = 'it failed several times in a row, and is tried again after a second'

/** Tells whether an error is an answer of the store. Then the store is there. */
export type IsAnswer = (error: unknown) => boolean

/**
 * Guards the calls to a store that may be away. Each call ends within a deadline, and rejects with
 * `StoreUnavailable` if it fails. After several failures in a row, no call is made for a while.
 */
export class Guarded implements KeyValue {
  readonly #keyValue: KeyValue
  readonly #timeoutMillis: number
  readonly #isAnswer: IsAnswer
  readonly #breaker = new Breaker()

  constructor(keyValue: KeyValue, timeoutMillis: number, isAnswer: IsAnswer = () => false) {
    this.#keyValue = keyValue
    this.#timeoutMillis = timeoutMillis
    this.#isAnswer = isAnswer
  }

  get isOrdered(): boolean {
    return this.#keyValue.isOrdered
  }

  getMany(keys: readonly string[]): Promise<Texts> {
    return this.#guard(() => this.#keyValue.getMany(keys))
  }

  set(key: string, text: string, ttlMillis?: number): Promise<void> {
    return this.#guard(() => this.#keyValue.set(key, text, ttlMillis))
  }

  setIfAbsent(key: string, text: string): Promise<boolean> {
    return this.#guard(() => this.#keyValue.setIfAbsent(key, text))
  }

  delete(keys: readonly string[]): Promise<void> {
    return this.#guard(() => this.#keyValue.delete(keys))
  }

  /** Each batch may take the whole time limit. */
  async *scan(prefix: string): AsyncGenerator<readonly string[]> {
    const batches = this.#keyValue.scan(prefix)[Symbol.asyncIterator]()
    for (;;) {
      const { done, value } = await this.#guard(() => batches.next())
      if (done) return
      yield value
    }
  }

  close(): Promise<void> {
    return this.#keyValue.close()
  }

  /** Every command passes here, so it uses plain callbacks: layers of promises would cost time. */
  #guard<T>(fn: () => MaybePromise<T>): Promise<T> {
    if (!this.#breaker.admit(performance.now()))
      return Promise.reject(new StoreUnavailable(LEFT_ALONE))
    try {
      const result = fn()
      if (isThenable(result)) return this.#inTime(result)
      this.#breaker.succeed()
      return Promise.resolve(result)
    } catch (error) {
      return Promise.reject(this.#failure(error))
    }
  }

  /** Counts only the time in which the store could answer. A busy process is not the store's fault. */
  #inTime<T>(result: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      let isOver = false
      let timer: NodeJS.Timeout | undefined
      // node-redis writes its commands in an immediate, which runs before this one. After the timer,
      // Node reads an answer that has already arrived before it runs the next immediate.
      const written = setImmediate(() => {
        timer = setTimeout(() => setImmediate(() => fail(this.#late())), this.#timeoutMillis)
      })
      const end = (): void => {
        isOver = true
        clearImmediate(written)
        clearTimeout(timer)
      }
      const succeed = (value: T): void => {
        if (isOver) return
        end()
        this.#breaker.succeed()
        resolve(value)
      }
      const fail = (error: unknown): void => {
        if (isOver) return
        end()
        reject(this.#failure(error))
      }
      result.then(succeed, fail)
    })
  }

  #late(): StoreUnavailable {
    return new StoreUnavailable(`it did not answer within ${this.#timeoutMillis} ms`)
  }

  #failure(error: unknown): Error {
    if (error instanceof TenantKnexError || error instanceof WaitedTooLong) return error
    if (this.#isAnswer(error)) this.#breaker.succeed()
    else this.#breaker.fail(performance.now())
    return error instanceof StoreUnavailable ? error : new StoreUnavailable('it failed', error)
  }
}
