import knex from 'knex'
import type { Contender } from '../support/contender.ts'
import { FLOOR } from '../support/data.ts'
import { knexAccess } from '../support/knex-access.ts'
import { PLAIN } from '../support/names.ts'

/** Plain Knex with all tenants' data in one database: the baseline for one database per tenant. */
export const plainKnex: Contender = {
  name: PLAIN,
  answersFrom: FLOOR,
  async open({ connection, poolMax }) {
    const plain = knex({
      client: 'mysql2',
      connection: { ...connection, database: FLOOR },
      pool: { min: 0, max: poolMax },
    })
    return { ...knexAccess(() => plain), close: () => plain.destroy() }
  },
}
