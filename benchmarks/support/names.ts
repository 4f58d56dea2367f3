/** The names of contenders that reports look for. */
export const PLAIN = 'plain Knex, one database'
export const WITH_SCHEMA = 'plain Knex, `withSchema`'
export const OURS = 'tenant-knex'
export const ROUND_TRIPS = 'tenant-knex, round trips'
