import type { TenantCache } from '../cache/tenant-cache.ts'
import type { TransactionStore } from '../cache/transaction-store.ts'
import type { Lease } from '../connection/lease.ts'
import type { Binding } from './binding.ts'

/** What a transaction has of its tenant's cache, nested ones included. */
interface TransactionCache {
  readonly cache: TenantCache
  readonly store: TransactionStore
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
 * that it has run: who reads after a commit does not find what was there before.
 */
export function followTransaction<T>(lease: Lease, sql: string, sent: Promise<T>): Promise<T> {
  const store = caches.get(lease)?.store
  return store ? follow(lease, store, sql, sent) : sent
}

async function follow<T>(
  lease: Lease,
  store: TransactionStore,
  sql: string,
  sent: Promise<T>,
): Promise<T> {
  try {
    const result = await sent
    await advance(lease, store, sql)
    return result
  } catch (error) {
    // Nobody knows whether it was committed: to forget too much does no harm.
    if (COMMIT.test(sql)) await store.onCommit()
    else if (isWholeRollback(sql)) store.onRollback()
    throw error
  }
}

const COMMIT = /^\s*COMMIT\b/i
const ROLLBACK_TO = /^\s*ROLLBACK\s+(?:WORK\s+)?TO\s+(?:SAVEPOINT\s+)?`?([\w$]+)/i
const ROLLBACK = /^\s*ROLLBACK\b/i
const BEGIN = /^\s*(?:BEGIN|START\s+TRANSACTION)\b/i
const SAVEPOINT = /^\s*SAVEPOINT\s+`?([\w$]+)/i

async function advance(lease: Lease, store: TransactionStore, sql: string): Promise<void> {
  const rolledBackTo = ROLLBACK_TO.exec(sql)?.[1]
  const savepoint = SAVEPOINT.exec(sql)?.[1]
  if (savepoint) store.onSavepoint(savepoint)
  else if (rolledBackTo) store.onRollbackTo(rolledBackTo)
  else if (isWholeRollback(sql)) store.onRollback()
  // Many statements commit what was before them: those for tables, another BEGIN.
  else if (COMMIT.test(sql) || BEGIN.test(sql) || lease.isInTransaction === false)
    await store.onCommit()
  if (lease.isInTransaction) store.onGoingOn()
}

function isWholeRollback(sql: string): boolean {
  return ROLLBACK.test(sql) && !ROLLBACK_TO.test(sql)
}
