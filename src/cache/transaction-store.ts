import type { TenantCache } from './tenant-cache.ts'
import type { Entry, Epoch, MaybePromise, TenantStore } from './tenant-store.ts'

/** What is to be forgotten: these keys, or all, or all down to the bytes. */
type Invalidation = readonly string[] | 'clear' | 'purge'

/** What a transaction runs on. */
export interface TransactionLease {
  /** True once it was released. */
  readonly isOver: boolean
  /** True once the connection was lost. */
  readonly isClosed: boolean
}

/** A place in a transaction that it can be rolled back to. */
interface Savepoint {
  readonly name: string
  /** How much was to be forgotten before it. */
  readonly count: number
}

/**
 * What a transaction sees of its tenant's cache: nothing, and it keeps nothing, as what it has seen
 * may never be committed. What it wants forgotten is forgotten after COMMIT. Once it is over, what is
 * to be forgotten is forgotten at once.
 */
export class TransactionStore implements TenantStore {
  readonly #cache: TenantCache
  readonly #lease: TransactionLease
  readonly #invalidations: Invalidation[] = []
  readonly #savepoints: Savepoint[] = []
  #isEnded = false

  /** @param cache the tenant's own */
  constructor(cache: TenantCache, lease: TransactionLease) {
    this.#cache = cache
    this.#lease = lease
  }

  get(): undefined {
    return undefined
  }

  getMany(keys: readonly string[]): undefined[] {
    return keys.map(() => undefined)
  }

  begin(): { entry: Entry | undefined; epoch: Epoch } {
    return { entry: undefined, epoch: this }
  }

  set(entries: readonly unknown[]): boolean[] {
    return entries.map(() => false)
  }

  /** Says of each key that it is going to be deleted, there or not. */
  async delete(keys: readonly string[]): Promise<boolean[]> {
    if (this.#isOver) await this.#cache.delete([...keys])
    else this.#invalidations.push([...keys])
    return keys.map(() => true)
  }

  clear(): MaybePromise<void> {
    if (this.#isOver) return this.#cache.clear()
    this.#invalidations.push('clear')
  }

  purge(): MaybePromise<void> {
    if (this.#isOver) return this.#cache.purge()
    this.#invalidations.push('purge')
  }

  async *scan(): AsyncGenerator<never> {}

  /** The server says that there is a transaction: perhaps one that a statement of the user's began. */
  onGoingOn(): void {
    this.#isEnded = false
  }

  onSavepoint(name: string): void {
    this.#savepoints.push({ name: name.toLowerCase(), count: this.#invalidations.length })
  }

  /** One that is not known is older than all that was to be forgotten. */
  onRollbackTo(name: string): void {
    const savepoint = this.#savepoints.findLast((one) => one.name === name.toLowerCase())
    this.#invalidations.length = savepoint?.count ?? 0
  }

  onRollback(): void {
    this.#isEnded = true
    this.#invalidations.length = 0
  }

  /** Nobody can take a commit back: where the store fails, an `error` event of the cache tells. */
  async onCommit(): Promise<void> {
    this.#isEnded = true
    const invalidations = this.#invalidations.splice(0)
    if (invalidations.length === 0) return
    await this.#forget(invalidations).catch(() => undefined) // the cache has told
  }

  /** One whose connection is lost or released has ended, whatever was heard of it. */
  get #isOver(): boolean {
    return this.#isEnded || this.#lease.isOver || this.#lease.isClosed
  }

  async #forget(invalidations: readonly Invalidation[]): Promise<void> {
    if (invalidations.includes('purge')) return this.#cache.purge()
    if (invalidations.includes('clear')) return this.#cache.clear()
    await this.#cache.delete([...new Set(invalidations.flat())])
  }
}
