import knex, { type Knex } from 'knex'
import type { Contender, Setting } from '../support/contender.ts'
import { knexAccess } from '../support/knex-access.ts'

/** One Knex for each tenant, with Knex's defaults. It is made at the first request and kept. */
export const knexPerTenant: Contender = perTenant('a Knex for each tenant', openDefault)

/** The same with small pools that close idle connections. */
export const tunedKnexPerTenant: Contender = perTenant('a Knex for each tenant, tuned', openTuned)

/** Two to ten connections, each with a driver's cache that costs half a megabyte. */
function openDefault({ connection }: Setting, database: string): Knex {
  return knex({ client: 'mysql2', connection: { ...connection, database } })
}

/** The cheapest settings for a tenant's Knex. */
export function openTuned({ connection }: Setting, database: string): Knex {
  return knex({
    client: 'mysql2',
    connection: { ...connection, database, maxPreparedStatements: 16 },
    pool: { min: 0, max: 2 },
  })
}

function perTenant(
  name: string,
  openKnex: (setting: Setting, database: string) => Knex,
): Contender {
  return {
    name,
    async open(setting) {
      const knexes = new Map<string, Knex>()
      const knexOf = (database: string): Knex => {
        const known = knexes.get(database)
        if (known) return known
        const made = openKnex(setting, database)
        knexes.set(database, made)
        return made
      }
      const close = async (): Promise<void> => {
        await Promise.all([...knexes.values()].map((each) => each.destroy()))
      }
      return { ...knexAccess(knexOf), close }
    },
  }
}
