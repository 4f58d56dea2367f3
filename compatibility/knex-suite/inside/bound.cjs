/*
 * Replaces `knex(config)`: makes a Knex that tenant-knex has bound to the configured database. tenant-knex
 * uses the checkout's Knex, mysql2 and tarn.
 */
const { appendFileSync } = require('node:fs')
const Module = require('node:module')
const { join } = require('node:path')

const ROOT = join(__dirname, '..', '..', '..')
const BUILT = join(ROOT, 'dist', 'cjs')
const checkout = join(process.cwd(), 'knex.js')

const { createTenantKnex } = loadBuilt()
const plain = require(checkout)

const made = []
process.on('exit', () => appendFileSync(process.env.KNEX_SUITE_USE, `${JSON.stringify(use())}\n`))

const PASSED_ON = [
  'acquireConnectionTimeout',
  'asyncStackTraces',
  'compileSqlOnError',
  'debug',
  'log',
  'migrations',
  'postProcessResponse',
  'seeds',
  'useNullAsDefault',
  'userParams',
  'version',
  'wrapIdentifier',
]
const POOL_PASSED_ON = [
  'min',
  'max',
  'idleTimeoutMillis',
  'reapIntervalMillis',
  'createTimeoutMillis',
  'createRetryIntervalMillis',
  'acquireTimeoutMillis',
]

module.exports = function knex(config) {
  if (config?.client !== 'mysql2' || config.connectionPool) return plain(config)
  const { connection, database } = split(config.connection)
  const tenantKnex = createTenantKnex({
    ...pick(config, PASSED_ON),
    connection,
    database: (id) => id,
    pool: pick(config.pool, POOL_PASSED_ON),
    session: sessionOf(config.pool),
  })
  made.push(tenantKnex)
  const bound = tenantKnex(database)
  // The tests make further Knexes from this configuration.
  Object.assign(bound.client.config, pick(config, ['pool', 'acquireConnectionTimeout']), {
    connection: plain({ ...config, pool: { max: 0 } }).client.config.connection,
  })
  // The tests make everything with one call and destroy it with one call. So this destroys the pool too.
  const destroy = async (callback) => {
    await tenantKnex.destroy()
    callback?.()
  }
  return Object.defineProperty(bound, 'destroy', { value: destroy })
}

/** How much went through tenant-knex, and how many connections are held at the end. */
function use() {
  const servers = made.map((tenantKnex) => tenantKnex.stats().servers[0])
  const sum = (name) => servers.reduce((total, server) => total + server[name], 0)
  return { knexes: made.length, acquires: sum('acquires'), held: sum('used') }
}

/** Separates the database from the server's address. */
function split(connection) {
  const { database } = require('./settings.cjs').mysql
  if (typeof connection === 'function') {
    return { connection: async () => split(await connection()).connection, database }
  }
  if (typeof connection === 'string') {
    const url = new URL(connection)
    const named = url.pathname.slice(1)
    url.pathname = '/'
    return { connection: url.href, database: named }
  }
  const { database: named, db: _alias, ...rest } = Object.getOwnPropertyDescriptors(connection)
  return { connection: Object.defineProperties({}, rest), database: named.value }
}

/** The statements that `afterCreate` sends on each new connection. Here they go into `session`. */
function sessionOf({ afterCreate } = {}) {
  const statements = []
  const connection = {
    __knexUid: '__knexUid0',
    query(sql, _values, callback) {
      statements.push(sql.replace(/;$/, ''))
      callback(null)
    },
  }
  afterCreate?.(connection, () => undefined)
  return statements
}

function pick(from = {}, keys) {
  const present = keys.filter((key) => from[key] !== undefined && from[key] !== null)
  return Object.fromEntries(present.map((key) => [key, from[key]]))
}

/** Loads tenant-knex with the checkout's packages instead of its own. */
function loadBuilt() {
  const resolve = Module._resolveFilename
  const fromCheckout = Module.createRequire(checkout).resolve
  Module._resolveFilename = function (request, parent, ...rest) {
    if (!parent?.filename?.startsWith(BUILT)) return resolve.call(this, request, parent, ...rest)
    if (request === 'knex') return checkout
    if (request === 'mysql2' || request === 'tarn') return fromCheckout(request)
    return resolve.call(this, request, parent, ...rest)
  }
  try {
    return require(BUILT)
  } finally {
    Module._resolveFilename = resolve
  }
}
