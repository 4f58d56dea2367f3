import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const { feathers } = require('@feathersjs/feathers')
const { KnexService, transaction } = require('@feathersjs/knex')

/** One service for each Knex. Each of its calls is a transaction. */
export function make(knex) {
  const app = feathers().use('notes', new KnexService({ Model: knex, name: 'notes' }))
  app.hooks({
    before: [transaction.start()],
    after: [transaction.end()],
    error: [transaction.rollback()],
  })
  return app.service('notes')
}

export async function use(notes, { tenant, check }) {
  const written = await notes.create({ owner: tenant, text: 'feathers' })
  check((await notes.get(written.id)).owner, tenant)
  for (const note of await notes.find({ query: {} })) check(note.owner, tenant)
}
