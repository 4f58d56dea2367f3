import { RateLimiterMySQL } from 'rate-limiter-flexible'

const TABLE = 'limits'

/** It names its database in each statement, and the name is fixed. */
export const noAmbient = 'it names one database for all tenants'

/** One limiter for each Knex. */
export function make(knex) {
  return new RateLimiterMySQL({
    storeClient: knex,
    storeType: 'knex',
    dbName: knex.client.database(),
    tableName: TABLE,
    tableCreated: true,
    clearExpiredByTimeout: false,
    points: 1_000,
    duration: 60,
  })
}

/** The same key in each tenant. It has the same points in each. */
export async function use(limiter, { check, round }) {
  check((await limiter.consume('ada')).consumedPoints, round + 1)
}

/** Creates the table as the limiter would. */
export async function prepare(knex) {
  await knex.schema.createTable(TABLE, (table) => {
    table.string('key').primary()
    table.integer('points').notNullable().defaultTo(0)
    table.bigInteger('expire').unsigned()
  })
}
