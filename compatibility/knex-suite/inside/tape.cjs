/*
 * Knex's tape tests that use a server, in the order of Knex's test/tape/index.js. The others need no server.
 */
const Module = require('node:module')
const { join } = require('node:path')

const folder = join(process.cwd(), 'test', 'tape')
const load = Module._load
// One file also makes SQLite clients that never connect.
Module._load = (request, ...rest) => (request === 'sqlite3' ? {} : load(request, ...rest))

require(join(folder, '..', 'util', 'chai-setup'))
const makeKnex = require(join(process.cwd(), 'knex.js'))
const knexfile = require(join(folder, '..', 'knexfile'))
const tape = Module.createRequire(join(folder, 'index.js'))('tape')

require(join(folder, 'pool'))
require(join(folder, 'invalid-db-setup'))(knexfile)
for (const config of Object.values(knexfile)) {
  const knex = makeKnex(config)
  for (const file of ['transactions', 'stream', 'crossdb-compatibility']) {
    require(join(folder, file))(knex)
  }
  tape(`${knex.client.driverName} - transactions: after`, (t) => {
    knex.destroy(() => {
      t.pass('Knex client destroyed')
      t.end()
    })
  })
}
