import type { Knex } from 'knex'
import { LRUCache } from 'lru-cache'
import type { Contender } from '../support/contender.ts'
import { knexAccess } from '../support/knex-access.ts'
import { openTuned } from './knex-per-tenant.ts'

/** One tuned Knex for each of the most recently used tenants. The least recently used one is destroyed. */
export function lruOfPools(max: number): Contender {
  return {
    name: `a Knex for each of ${max} tenants, tuned`,
    async open(setting) {
      const closing = new Set<Promise<void>>()
      const knexes = new LRUCache<string, Knex>({
        max,
        dispose(evicted) {
          const closed = evicted.destroy().finally(() => closing.delete(closed))
          closing.add(closed)
        },
      })
      const knexOf = (database: string): Knex => {
        const known = knexes.get(database)
        if (known) return known
        const made = openTuned(setting, database)
        knexes.set(database, made)
        return made
      }
      const close = async (): Promise<void> => {
        knexes.clear()
        await Promise.all(closing)
      }
      return { ...knexAccess(knexOf), close }
    },
  }
}
