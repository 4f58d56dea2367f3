import { Umzug } from 'umzug'

/** Migrations that get the Knex inside an object, because Umzug calls a context that is a function. */
export function make(knex) {
  return new Umzug({
    context: { knex },
    migrations: [
      {
        name: 'own table',
        up: ({ context }) =>
          context.knex.schema.createTable('own', (table) => table.string('owner')),
        down: ({ context }) => context.knex.schema.dropTable('own'),
      },
    ],
    storage: {
      executed: async ({ context }) => (await context.knex('migrated')).map(({ name }) => name),
      logMigration: ({ name, context }) => context.knex('migrated').insert({ name }),
      unlogMigration: ({ name, context }) => context.knex('migrated').where({ name }).delete(),
    },
    logger: undefined,
  })
}

export async function use(umzug, { check }) {
  check((await umzug.up()).length, 1)
  check((await umzug.pending()).length, 0)
  check((await umzug.down()).length, 1)
}

export async function prepare(knex) {
  await knex.schema.createTable('migrated', (table) => table.string('name'))
}
