import { createRequire } from 'node:module'

const { SchemaInspector } = createRequire(import.meta.url)('knex-schema-inspector')

export function make(knex) {
  return SchemaInspector(knex)
}

/** Each tenant has a table that no other tenant has. */
export async function use(inspector, { tenant, check }) {
  check((await inspector.tables()).sort().join(), ['notes', `of_${tenant}`].sort().join())
  check(await inspector.hasColumn(`of_${tenant}`, 'id'), true)
}

export async function prepare(knex, tenant) {
  await knex.schema.createTable(`of_${tenant}`, (table) => table.increments())
}
