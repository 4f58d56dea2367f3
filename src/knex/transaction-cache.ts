import type { TenantCache } from '../cache/tenant-cache.ts'
import type { TransactionStore } from '../cache/transaction-store.ts'
import type { Lease } from '../connection/lease.ts'
import type { Binding } from './binding.ts'

/** The cache of a transaction and of its nested transactions. */
interface TransactionCache {
  readonly cache: TenantCache
  readonly store: TransactionStore
}

/** The facts about a transaction's statement that decide about its cache. */
interface Statement {
  /** True if the statement commits nothing, even if it fails. */
  readonly cannotCommit: boolean
  /** Set if Knex ends the transaction with this statement. */
  readonly end?: 'commit' | 'rollback' | undefined
}

/** By lease: nested transactions run on the same lease. */
const caches = new WeakMap<Lease, TransactionCache>()

/** The cache of the transaction that runs on a lease. */
export function transactionCache(lease: Lease, { tenant, caches: all }: Binding): TenantCache {
  let made = caches.get(lease)
  if (made === undefined) {
    made = all.inTransaction(tenant, lease)
    caches.set(lease, made)
  }
  return made.cache
}

/**
 * Applies the deletions of a transaction's cache when a statement has ended, before the caller gets its
 * result. So a reader after a commit does not find old values.
 */
export function followTransaction<T>(
  lease: Lease,
  statement: Statement,
  sent: Promise<T>,
): Promise<T> {
  const store = caches.get(lease)?.store
  return store ? follow(lease, store, statement, sent) : sent
}

/** Ends the cache of a lost connection's transaction, which the server rolls back. */
export async function endLostTransaction(lease: Lease): Promise<void> {
  const store = caches.get(lease)?.store
  store?.onEnd()
  await store?.onRollback()
}

async function follow<T>(
  lease: Lease,
  store: TransactionStore,
  { cannotCommit, end }: Statement,
  sent: Promise<T>,
): Promise<T> {
  let isUndone = false
  try {
    const result = await sent
    isUndone = end === 'rollback' && hasUndoneAll(result)
    return result
  } finally {
    if (end) store.onEnd()
    if (isUndone) await store.onRollback()
    // A deadlock ends a transaction too. After it each statement commits by itself.
    else if (end || !cannotCommit || lease.isInTransaction === false) await store.onCommit()
  }
}

/** False if the server warns that the transaction changed a table without transactions (1196). */
function hasUndoneAll(result: unknown): boolean {
  const [answer] = (result as { response?: [{ warningStatus?: number }] }).response ?? []
  return answer?.warningStatus === 0
}
