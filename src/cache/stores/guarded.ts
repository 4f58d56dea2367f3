import { TenantKnexError } from '../../base/errors.ts'
import { isThenable } from '../../base/thenable.ts'
import { type MaybePromise, StoreUnavailable, WaitedTooLong } from '../tenant-store.ts'
import { Breaker } from './breaker.ts'
import type { KeyValue, Texts } from './key-value.ts'

const LEFT_ALONE = 'it did not answer several times and is left alone for a second'

/** What says of an error that the store is there: it has answered. */
export type IsAnswer = (error: unknown) => boolean

/**
 * A store that may be away: whatever it is asked ends within a deadline, with a `StoreUnavailable`
 * where it did not work. Where it does not answer several times it is left alone for a while.
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

  /** Each batch has the whole time. */
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

  /** The way of every command: plain callbacks, as layers of promises would be felt. */
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

  /** A process that is busy is no fault of the store's: only the time that it could answer counts. */
  #inTime<T>(result: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      let isOver = false
      let timer: NodeJS.Timeout | undefined
      // node-redis writes what it is asked in an immediate, which comes before this one. What has
      // arrived in the end is read between the timers and the immediates.
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
