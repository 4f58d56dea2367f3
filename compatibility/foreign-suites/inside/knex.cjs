/*
 * Replaces Knex's knex.js in the folder of the tests. For each configuration of a database it makes a Knex
 * with mysql2 on our server: a plain one, or one that is bound to a tenant.
 */
const { appendFileSync } = require('node:fs')
const { format } = require('mysql2')
const plain = require('./lib/index')
const { makeDirty } = require('./neighbour.cjs')

const { FOREIGN_MODE: mode, FOREIGN_URL: url, FOREIGN_DATABASE: database } = process.env
/** Knexes that the tests have not destroyed. */
const made = new Set()

/** A pool that another tenant can take as a whole. */
const SMALL_POOL = { min: 0, max: 4, maxPerTenant: 4 }

/** Options that tenant-knex has too. */
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
  'wrapIdentifier',
]
const POOL_PASSED_ON = ['min', 'max', 'idleTimeoutMillis', 'acquireTimeoutMillis']

function knex(config) {
  if (!isOfDatabase(config)) return plain(config)
  return mode === 'plain' ? onServer(config) : bound(config)
}

/** False for a Knex that connects to nothing, and for a Knex that tenant-knex makes. */
function isOfDatabase(config) {
  return typeof config?.client === 'string' && Boolean(config.connection)
}

function onServer(config) {
  return plain({ ...config, client: 'mysql2', connection: { ...connectionOf(config), database } })
}

/** The connection settings of the tests, with our server instead of theirs. */
function connectionOf({ client, connection }) {
  const { hostname: host, port, username: user, password } = new URL(url)
  const { database: _theirs, ...own } = client.startsWith('mysql') ? connection : {}
  return { ...own, host, port: Number(port), user, password }
}

function bound(config) {
  const { createTenantKnex } = require('tenant-knex')
  const tenantKnex = createTenantKnex({
    ...pick(config, PASSED_ON),
    connection: connectionOf(config),
    database: (id) => (id === 'neighbour' ? `${database}_neighbour` : database),
    pool: { ...pick(config.pool, POOL_PASSED_ON), ...(mode === 'neighbour' && SMALL_POOL) },
    session: sessionOf(config.pool),
  })
  made.add(tenantKnex)
  const stop = mode === 'neighbour' ? makeDirty(tenantKnex('neighbour'), SMALL_POOL.max) : () => {}
  const knex = tenantKnex('tests')
  // The tests make everything with one call and destroy it with one call. So this destroys the pool too.
  const destroy = async (callback) => {
    stop()
    writeUse(tenantKnex)
    await tenantKnex.destroy()
    callback?.()
  }
  return Object.defineProperty(knex, 'destroy', { value: destroy })
}

/** The statements that `afterCreate` sends on each new connection. Here they go into `session`. */
function sessionOf({ afterCreate } = {}) {
  const statements = []
  const query = (sql, values, callback = values) => {
    statements.push(format(sql, Array.isArray(values) ? values : []))
    callback(null)
  }
  afterCreate?.({ query }, () => undefined)
  return statements
}

function pick(from = {}, keys) {
  const present = keys.filter((key) => from[key] !== undefined && from[key] !== null)
  return Object.fromEntries(present.map((key) => [key, from[key]]))
}

/** Writes once how often connections were acquired. */
function writeUse(tenantKnex) {
  if (!made.delete(tenantKnex)) return
  const { acquires, handOvers } = tenantKnex.stats().servers[0]
  appendFileSync(process.env.FOREIGN_USE, `${JSON.stringify({ acquires, handOvers })}\n`)
}

process.on('exit', () => made.forEach(writeUse))

module.exports = Object.assign(knex, plain, { knex, default: knex })
