/* Tells Knex's tests their server. `KNEX_TEST` names this file, see Knex's test/knexfile.js. */
const { KNEX_SUITE_URL } = process.env
const { hostname, port, username, password, pathname } = new URL(KNEX_SUITE_URL)

/** The server of Knex's own test machines, which some tests name literally. */
const KNEX_OWN = /^mysql:\/\/testuser:testpassword@127\.0\.0\.1:23306\/knex_test/

/** Replaces Knex's own server in a configuration by ours. */
function atGivenServer(config) {
  const connection = config?.connection
  if (typeof connection !== 'string') return config
  return { ...config, connection: connection.replace(KNEX_OWN, KNEX_SUITE_URL) }
}

module.exports = {
  atGivenServer,
  // A new object for each caller, because Knex's tests change theirs.
  get mysql() {
    return {
      host: hostname,
      port: Number(port),
      user: username,
      password,
      database: pathname.slice(1),
      charset: 'utf8',
    }
  },
}
