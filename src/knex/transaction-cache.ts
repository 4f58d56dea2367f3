import type { TenantCache } from '../cache/tenant-cache.ts'
import type { TransactionStore } from '../cache/transaction-store.ts'
import type { Lease } from '../connection/lease.ts'
import type { Binding } from './binding.ts'

/** What a transaction has of its tenant's cache, nested ones included. */
interface TransactionCache {
  readonly cache: TenantCache
  readonly store: TransactionStore
}

/** What has to be known of a transaction's statement. */
interface Statement {
  /** True for one that commits nothing, whether it fails or not. */
  readonly cannotCommit: boolean
  /** Of the one by which Knex ends the transaction. */
  readonly end?: 'commit' | 'rollback' | undefined
}

/** By the lease that a transaction runs on: nested ones have the same. */
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
 * Lets a transaction's statement take effect on what its cache is to forget, before the caller hears
 * of it: a reader after a commit does not find what was there before.
 */
export function followTransaction<T>(
  lease: Lease,
  statement: Statement,
  sent: Promise<T>,
): Promise<T> {
  const store = caches.get(lease)?.store
  return store ? follow(lease, store, statement, sent) : sent
}

/** A lost connection's transaction is rolled back by the server. */
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
    // A deadlock ends a transaction, too: from then on each statement commits by itself.
    else if (end || !cannotCommit || lease.isInTransaction === false) await store.onCommit()
  }
}

/** False if the server warns that a table without transactions was changed (1196). */
function hasUndoneAll(result: unknown): boolean {
  const [answer] = (result as { response?: [{ warningStatus?: number }] }).response ?? []
  return answer?.warningStatus === 0
}
