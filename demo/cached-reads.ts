import type { City } from './cities.ts'
import { each } from './concurrency.ts'
import type { Demo } from './demo.ts'
import { withProgress } from './progress.ts'
import { requests } from './requests.ts'
import { WORKERS } from './traffic.ts'

/** The result of reads through the tenants' caches. */
export interface CachedReads {
  readonly reads: number
  /** Reads that asked the database. */
  readonly computed: number
  /** Cities that belong to another tenant. */
  readonly wrong: number
}

const READS = 10_000
const SEED = 2
const KEY = 'largest city'

/** Reads each tenant's largest city. All use the same key, and none may get another tenant's city. */
export async function readThroughCaches(demo: Demo): Promise<CachedReads> {
  const { countries, tenantKnex, interrupted } = demo
  let [computed, wrong] = [0, 0]
  await withProgress('Reading through caches', READS, (advance) =>
    each(requests(countries, READS, SEED), WORKERS, interrupted, async ({ country }) => {
      const { cache } = tenantKnex(country)
      const largest = await cache.remember(KEY, { ttlMillis: 60_000 }, () => {
        computed++
        return tenantKnex.ambient<City>('cities').orderBy('population', 'desc').first()
      })
      if (largest?.country !== country) wrong++
      advance()
    }),
  )
  return { reads: READS, computed, wrong }
}
