import { createClient } from '@keyv/redis'
import { collectGarbage, heapInUse } from '../../../../benchmarks/support/memory.ts'
import { Caches } from '../../../../src/cache/caches.ts'
import type { CacheOptions, TenantCache } from '../../../../src/index.ts'
import { resolveCacheOptions } from '../../../../src/options/cache.ts'

// Measures the heap that tenants' caches take, in a process with no other data. Arguments:
// the URL of a Redis, the number of tenants, and `prefix` if a function must return their prefixes.

/** The results, in bytes for one tenant. */
export interface HeapOfTenants {
  readonly inUse: number
  /** After the last reference to the caches is gone. */
  readonly retained: number
  /** Caches that still exist after that. */
  readonly alive: number
}

/** The number of commands at a time. */
const BATCH = 500

const [url = '', count = '', kind] = process.argv.slice(2)
const client = createClient({ url })
await client.connect()
const options: CacheOptions = { store: client, timeoutMillis: 60_000, root: `heap-${process.pid}` }
const prefix = (id: string): string => `p-${id}`
const caches = new Caches(
  resolveCacheOptions(kind === 'prefix' ? { ...options, prefix } : options),
  async (_tenant, fn) => fn(),
)
await measure(1_000) // the costs of the first caches only
console.log(JSON.stringify(await measure(Number(count))))
await caches.close()
client.destroy()

async function measure(count: number): Promise<HeapOfTenants> {
  let tenants = Array.from({ length: count }, (_, number) => tenant(number))
  const before = await heapInUse()
  let all: TenantCache[] = tenants.map((one) => caches.of(one))
  await use(all)
  const during = await heapInUse()
  let seen = all.map((cache) => new WeakRef(cache))
  all = []
  tenants = Array.from({ length: count }, (_, number) => tenant(number))
  await collectGarbage()
  const alive = seen.filter((cache) => cache.deref()).length
  seen = []
  const after = await heapInUse()
  if (tenants.length !== count) throw new Error('they are needed until here')
  return { inUse: (during - before) / count, retained: (after - before) / count, alive }
}

async function use(caches: readonly TenantCache[]): Promise<void> {
  for (let first = 0; first < caches.length; first += BATCH) {
    const batch = caches.slice(first, first + BATCH)
    await Promise.all(batch.map((cache) => cache.set('k', 'v', 60_000)))
  }
}

function tenant(number: number): { id: string; database: string } {
  return { id: `tenant-${number}`, database: `tenant_${number}` }
}
