/*
 * Loaded by Node before Knex's own tests, with their checkout as working directory: replaces what
 * the tests get as `knex`. Plain CommonJS, as the tests are, so that nothing changes how files load.
 */
const { join } = require('node:path')
const { atGivenServer } = require('./settings.cjs')

const checkout = process.cwd()
const entries = ['knex.js', join('lib', 'index.js')].map((file) => join(checkout, file))
const [plain] = entries.map((file) => require(file))
const make = process.env.KNEX_SUITE_SUBJECT === 'tenant-knex' ? require('./bound.cjs') : plain

/** Called with `new` as well, as Knex can be. */
function knex(config) {
  return make(atGivenServer(config))
}
Object.assign(knex, plain, { knex, default: knex })
for (const file of entries) require.cache[require.resolve(file)].exports = knex
