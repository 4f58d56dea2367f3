import type { TenantCache } from './tenant-cache.ts'
import type { Entry, Epoch, TenantStore } from './tenant-store.ts'

/** The cache has told. */
const ignore = (): void => undefined

/** What is to be forgotten: these keys, or all, or all down to the bytes. */
type Invalidation = readonly string[] | 'clear' | 'purge'

/** What a transaction runs on. */
export interface TransactionLease {
  /** True once it was released. */
  readonly isOver: boolean
  /** True once the connection was lost. */
  readonly isClosed: boolean
  /** True once a statement was sent that can commit. */
  readonly mayHaveCommitted: boolean
  /** As the server has said last; undefined if it said nothing of that. */
  readonly isInTransaction: boolean | undefined
}

/**
 * What a transaction sees of its tenant's cache: nothing, and it keeps nothing, as what it has seen
 * may never be committed. The keys that it deletes are forgotten after COMMIT. Once it is over, they
 * are forgotten at once.
 *
 * A ROLLBACK takes back what is to be forgotten only if it has undone all that was written. In doubt
 * the keys are forgotten: that costs a look at the database, and the other way the cache would be
 * wrong. A rollback to a savepoint takes nothing back: nobody knows which keys were written before it.
 */
export class TransactionStore implements TenantStore {
  readonly #cache: TenantCache
  readonly #lease: TransactionLease
  readonly #invalidations: Invalidation[] = []
  #hasCommitted: boolean
  #isEnded = false

  /** @param cache the tenant's own */
  constructor(cache: TenantCache, lease: TransactionLease) {
    this.#cache = cache
    this.#lease = lease
    // A deadlock may have ended the transaction: what was written since is committed.
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

  /** Says of each key that it is going to be deleted, there or not. */
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

  /** Knex has ended the transaction. */
  onEnd(): void {
    this.#isEnded = true
  }

  /** The server has undone what it knows to be uncommitted. */
  async onRollback(): Promise<void> {
    if (this.#mayHaveCommitted) await this.onCommit()
    else this.#invalidations.length = 0
  }

  /**
   * Something may have been committed. What is to be forgotten is forgotten now, and once more at the
   * end: until then others may read what was there before. Nobody can take a commit back: if the store
   * fails, an `error` event of the cache tells.
   */
  async onCommit(): Promise<void> {
    this.#hasCommitted = true
    const invalidations = this.#isOver ? this.#invalidations.splice(0) : [...this.#invalidations]
    if (invalidations.length > 0) await this.#forget(invalidations).catch(ignore)
  }

  get #mayHaveCommitted(): boolean {
    return this.#hasCommitted || this.#lease.mayHaveCommitted
  }

  /** One whose connection is lost or released has ended, whatever was heard of it. */
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
