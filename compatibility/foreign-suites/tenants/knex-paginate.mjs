import { createRequire } from 'node:module'

// adds a method to all builders
createRequire(import.meta.url)('knex-paginate').attachPaginate()

export function make(knex) {
  return knex
}

export async function use(knex, { tenant, check }) {
  const { data, pagination } = await knex('notes').orderBy('id').paginate({ perPage: 3 })
  for (const note of data) check(note.owner, tenant)
  check(pagination.total, 12)
}
