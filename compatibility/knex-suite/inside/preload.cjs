/*
 * Node loads this before Knex's own tests, in the folder of their checkout. It replaces the `knex` that the
 * tests get. It is plain CommonJS, as the tests are, so that files load as before.
 */
const { join } = require('node:path')
const { atGivenServer } = require('./settings.cjs')

const checkout = process.cwd()
const entries = ['knex.js', join('lib', 'index.js')].map((file) => join(checkout, file))
const [plain] = entries.map((file) => require(file))
const make = process.env.KNEX_SUITE_SUBJECT === 'tenant-knex' ? require('./bound.cjs') : plain

/** The tests also call it with `new`, as they may call Knex. */
function knex(config) {
  return make(atGivenServer(config))
}
Object.assign(knex, plain, { knex, default: knex })
for (const file of entries) require.cache[require.resolve(file)].exports = knex
