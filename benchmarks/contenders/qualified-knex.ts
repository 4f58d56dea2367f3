import knex, { type Knex } from 'knex'
import type { Contender } from '../support/contender.ts'
import { FLOOR } from '../support/data.ts'
import { knexAccess } from '../support/knex-access.ts'
import { knexSession } from '../support/knex-session.ts'

/** Knex's `withSchema`, which works for statements of the query builder: no switch, and all the tables. */
export const qualifiedKnex: Contender = {
  name: 'plain Knex, `withSchema`',
  async open({ connection, poolMax }) {
    const plain = knex({
      client: 'mysql2',
      connection: { ...connection, database: FLOOR },
      pool: { min: 0, max: poolMax },
    })
    return {
      ...knexAccess(() => plain),
      session(database) {
        const qualified = (table: string) => plain(table).withSchema(database)
        return knexSession(qualified as Knex)
      },
      close: () => plain.destroy(),
    }
  },
}
