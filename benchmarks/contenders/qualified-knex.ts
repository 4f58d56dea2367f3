import knex, { type Knex } from 'knex'
import type { Contender, Session } from '../support/contender.ts'
import { FLOOR } from '../support/data.ts'
import { knexAccess } from '../support/knex-access.ts'
import { knexSession } from '../support/knex-session.ts'
import { WITH_SCHEMA } from '../support/names.ts'
import { rawSession } from '../support/raw-session.ts'

/**
 * Knex's `withSchema`, which works for statements of the query builder: no switch, and all the tables. Raw
 * SQL names the database itself.
 */
export const qualifiedKnex: Contender = {
  name: WITH_SCHEMA,
  async open({ connection, poolMax }) {
    const plain = knex({
      client: 'mysql2',
      connection: { ...connection, database: FLOOR },
      pool: { min: 0, max: poolMax },
    })
    return {
      ...knexAccess(() => plain),
      session: (database) => qualified(plain, database),
      rawSession: (database) => rawSession(plain, `\`${database}\`.\`items\``),
      transaction: (database, work) =>
        plain.transaction((transaction) => work(qualified(transaction, database))),
      close: () => plain.destroy(),
    }
  },
}

function qualified(plain: Knex, database: string): Session {
  const inDatabase = (table: string) => plain(table).withSchema(database)
  return knexSession(inDatabase as Knex)
}
