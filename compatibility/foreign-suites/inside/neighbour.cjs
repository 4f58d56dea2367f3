/* Another tenant. Until it is stopped, it leaves every kind of trace in its sessions. */

const TRACES = [
  "SET SESSION sql_mode = 'ANSI_QUOTES', time_zone = '+09:00', group_concat_max_len = 5",
  'SET @a = 1, @b = 2',
  'SET NAMES latin1',
  'CREATE TEMPORARY TABLE IF NOT EXISTS users (trace INT)',
  'CREATE TEMPORARY TABLE IF NOT EXISTS sessions (trace INT)',
  'START TRANSACTION',
  'SET autocommit = 0',
  "DO GET_LOCK('trace', 0)",
  'LOCK TABLES traces READ',
  'SET SESSION TRANSACTION READ ONLY',
  'SET foreign_key_checks = 0',
]

/**
 * Leaves a trace in every connection of the pool at once, again and again. Returns a function that stops it.
 */
function makeDirty(knex, connections) {
  let isStopped = false
  const leave = async () => {
    for (let at = 0; !isStopped; at += connections) {
      const traces = TRACES.map((_, index) => TRACES[(at + index) % TRACES.length])
      const some = traces.slice(0, connections)
      await Promise.all(some.map((trace) => knex.raw(trace).catch(() => {})))
      await new Promise((resolve) => setTimeout(resolve, 5).unref())
    }
  }
  leave().catch((error) => {
    if (!isStopped) throw error
  })
  return () => {
    isStopped = true
  }
}

module.exports = { makeDirty }
