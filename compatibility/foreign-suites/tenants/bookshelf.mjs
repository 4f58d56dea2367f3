import { createRequire } from 'node:module'

const bookshelf = createRequire(import.meta.url)('bookshelf')

/** Bookshelf uses Bluebird promises, whose callbacks may run in another tenant's scope. */
export const noAmbient = 'Bluebird loses the scope'

/** One Bookshelf for each Knex. */
export function make(knex) {
  const models = bookshelf(knex)
  models.model('Tag', { tableName: 'tags' })
  return models.model('Note', {
    tableName: 'notes',
    tags() {
      return this.hasMany('Tag', 'note')
    },
  })
}

export async function use(Note, { tenant, check }) {
  const [written, all] = await Promise.all([
    new Note({ owner: tenant, text: 'bookshelf' }).save(),
    Note.fetchAll({ withRelated: ['tags'] }),
  ])
  for (const note of all.toJSON()) {
    check(note.owner, tenant)
    for (const tag of note.tags) check(tag.owner, tenant)
  }
  check((await new Note({ id: written.id }).fetch()).get('owner'), tenant)
}

export async function prepare(knex, tenant) {
  await knex.schema.createTable('tags', (table) => {
    table.increments()
    table.integer('note')
    table.string('owner')
  })
  await knex('tags').insert([1, 2, 3].map((note) => ({ note, owner: tenant })))
}
