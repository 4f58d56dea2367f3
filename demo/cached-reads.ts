import type { City } from './cities.ts'
import { each } from './concurrency.ts'
import type { Demo } from './demo.ts'
import { withProgress } from './progress.ts'
import { requests } from './requests.ts'
import { WORKERS } from './traffic.ts'

/** Reads through the tenants' caches. */
export interface CachedReads {
  readonly reads: number
  /** Those that had to ask the database. */
  readonly computed: number
  /** Cities that were another tenant's. */
  readonly wrong: number
}

const READS = 10_000
const SEED = 2
const KEY = 'largest city'

/** Asks for each tenant's largest city, all by the same key: none may be given another's. */
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
