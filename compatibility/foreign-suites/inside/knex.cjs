/*
 * Stands in for Knex's own knex.js, in the folder where the tests find it: gives them, for each
 * configuration of a database, a Knex on mysql2 and on our server, plain or bound to a tenant.
 */
const { appendFileSync } = require('node:fs')
const { format } = require('mysql2')
const plain = require('./lib/index')
const { makeDirty } = require('./neighbour.cjs')

const { FOREIGN_MODE: mode, FOREIGN_URL: url, FOREIGN_DATABASE: database } = process.env
/** Those that the tests have not destroyed. */
const made = new Set()

/** One that another tenant can have whole. */
const SMALL_POOL = { min: 0, max: 4, maxPerTenant: 4 }

/** Options that tenant-knex has as well. */
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

/** Not of a Knex that connects nowhere, nor of one that tenant-knex makes. */
function isOfDatabase(config) {
  return typeof config?.client === 'string' && Boolean(config.connection)
}

function onServer(config) {
  return plain({ ...config, client: 'mysql2', connection: { ...connectionOf(config), database } })
}

/** What the tests say of their connection, with our server in place of theirs. */
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
  // What the tests have made with one call they end with one call: here the pool as well.
  const destroy = async (callback) => {
    stop()
    writeUse(tenantKnex)
    await tenantKnex.destroy()
    callback?.()
  }
  return Object.defineProperty(knex, 'destroy', { value: destroy })
}

/** What `afterCreate` sends on each new connection: with us those are statements of the session. */
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

/** Tells how often connections were acquired, once. */
function writeUse(tenantKnex) {
  if (!made.delete(tenantKnex)) return
  const { acquires, handOvers } = tenantKnex.stats().servers[0]
  appendFileSync(process.env.FOREIGN_USE, `${JSON.stringify({ acquires, handOvers })}\n`)
}

process.on('exit', () => made.forEach(writeUse))

module.exports = Object.assign(knex, plain, { knex, default: knex })
