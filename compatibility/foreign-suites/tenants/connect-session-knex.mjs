import { ConnectSessionKnexStore } from 'connect-session-knex'

/** It looks for its table at once. With `ambient` this has to happen in a tenant's scope. */
export async function make(knex, { isAmbient, inScope }) {
  const options = { knex, createTable: false, cleanupInterval: 0 }
  if (!isAmbient) return new ConnectSessionKnexStore(options)
  return inScope(async () => {
    const store = new ConnectSessionKnexStore(options)
    await store.ready
    return store
  })
}

/** The same session id in each tenant. */
export async function use(store, { tenant, check }) {
  await store.set('1', { cookie: { maxAge: 60_000 }, tenant })
  check((await store.get('1')).tenant, tenant)
  check(await store.length(), 1)
}

/** Creates the table as the store would. */
export async function prepare(knex) {
  await knex.schema.createTable('sessions', (table) => {
    table.string('sid').primary()
    table.json('sess').notNullable()
    table.dateTime('expired').notNullable().index()
  })
}
