import { createHash, randomBytes } from 'node:crypto'
import { type CacheOptions, createTenantKnex, type TenantKnex } from '../../../../src/index.ts'

/** The text that the keys of all tests of this process begin with. */
export const TEST_ROOT = `tk-test-${process.pid}-`

/** A new root, so that tests that use one Redis at the same time have separate keys. */
export function newRoot(): string {
  return TEST_ROOT + randomBytes(6).toString('hex')
}

/** A tenantKnex that is used for its caches only. It never connects, and accepts any tenant id. */
export function cachesOf(cache: CacheOptions): TenantKnex {
  return createTenantKnex({
    connection: { host: '127.0.0.1', port: 9, user: 'nobody' },
    database: (id) => `t_${createHash('sha256').update(id).digest('hex').slice(0, 40)}`,
    cache: { timeoutMillis: 5_000, ...cache },
  })
}

/** Runs a test with caches, and closes them. */
export async function withCaches(
  cache: CacheOptions,
  test: (tenantKnex: TenantKnex) => Promise<void>,
): Promise<void> {
  const tenantKnex = cachesOf(cache)
  try {
    await test(tenantKnex)
  } finally {
    await tenantKnex.destroy()
  }
}
