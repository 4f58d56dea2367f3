import { createRequire } from 'node:module'

// A method of all builders, from now on.
createRequire(import.meta.url)('knex-paginate').attachPaginate()

export function make(knex) {
  return knex
}

export async function use(knex, { tenant, check }) {
  const { data, pagination } = await knex('notes').orderBy('id').paginate({ perPage: 3 })
  for (const note of data) check(note.owner, tenant)
  check(pagination.total, 12)
}
