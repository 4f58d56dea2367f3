import type { TenantCache } from './tenant-cache.ts'
import type { Entry, Epoch, TenantStore } from './tenant-store.ts'

/** The cache has already emitted an `error` event. */
const ignore = (): void => undefined

/** A deletion from the cache: of these keys, of all keys, or of all keys and their bytes. */
type Invalidation = readonly string[] | 'clear' | 'purge'

/** The state of a transaction's connection. */
export interface TransactionLease {
  /** True once the connection was released. */
  readonly isOver: boolean
  /** True once the connection was lost. */
  readonly isClosed: boolean
  /** True once a statement was sent that can commit. */
  readonly mayHaveCommitted: boolean
  /** As the server said last. Undefined if it did not say. */
  readonly isInTransaction: boolean | undefined
}

/**
 * The store of a transaction's cache. It finds no values and keeps none, because the rows that the
 * transaction has read may never be committed. The keys that it deletes are deleted from the tenant's
 * cache after COMMIT. Once the transaction is over, they are deleted at once.
 *
 * A ROLLBACK cancels the deletions only if it has undone everything. In doubt the keys are deleted. That
 * costs a query later; a kept key could be wrong. A rollback to a savepoint cancels no deletion, because
 * it is unknown which keys were written before the savepoint.
 */
export class TransactionStore implements TenantStore {
  readonly #cache: TenantCache
  readonly #lease: TransactionLease
  readonly #invalidations: Invalidation[] = []
  #hasCommitted: boolean
  #isEnded = false

  /** @param cache the tenant's cache */
  constructor(cache: TenantCache, lease: TransactionLease) {
    this.#cache = cache
    this.#lease = lease
    // A deadlock may have ended the transaction. Then all later writes are committed.
    this.#hasCommitted = lease.isInTransaction !== true
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

  /** Returns true for each key, whether it exists or not: it is going to be deleted. */
  async delete(keys: readonly string[]): Promise<boolean[]> {
    await this.#invalidate([...keys])
    return keys.map(() => true)
  }

  clear(): Promise<void> {
    return this.#invalidate('clear')
  }

  purge(): Promise<void> {
    return this.#invalidate('purge')
  }

  async *scan(): AsyncGenerator<never> {}

  /** To be called when Knex has ended the transaction. */
  onEnd(): void {
    this.#isEnded = true
  }

  /** To be called when the server has undone all uncommitted changes. */
  async onRollback(): Promise<void> {
    if (this.#mayHaveCommitted) await this.onCommit()
    else this.#invalidations.length = 0
  }

  /**
   * To be called when something may have been committed. The keys are deleted now, and once more at the
   * end, because until then other code may read and cache old rows. A commit cannot be undone: if the
   * store fails, the cache emits an `error` event.
   */
  async onCommit(): Promise<void> {
    this.#hasCommitted = true
    const invalidations = this.#isOver ? this.#invalidations.splice(0) : [...this.#invalidations]
    if (invalidations.length > 0) await this.#forget(invalidations).catch(ignore)
  }

  get #mayHaveCommitted(): boolean {
    return this.#hasCommitted || this.#lease.mayHaveCommitted
  }

  /** A transaction is over, too, when its connection is lost or released. */
  get #isOver(): boolean {
    return this.#isEnded || this.#lease.isOver || this.#lease.isClosed
  }

  async #invalidate(invalidation: Invalidation): Promise<void> {
    if (this.#isOver) return this.#forget([invalidation])
    this.#invalidations.push(invalidation)
    if (this.#mayHaveCommitted) await this.#forget([invalidation]).catch(ignore)
  }

  async #forget(invalidations: readonly Invalidation[]): Promise<void> {
    if (invalidations.includes('purge')) return this.#cache.purge()
    if (invalidations.includes('clear')) return this.#cache.clear()
    await this.#cache.delete([...new Set(invalidations.flat())])
  }
}
