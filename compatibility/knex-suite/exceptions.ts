const ADDITIONAL = 'Additional > mysql2'
const TRANSACTIONS = 'Integration Tests > mysql | mysql2 > Transactions'
const INFORMATION_SCHEMA =
  'It reads INFORMATION_SCHEMA.COLUMNS through a builder. A name of another database is refused: ' +
  'there are the names of all tenants’ tables, and in PROCESSLIST their statements. `knex.raw` can.'

/** Knex's tests that fail through tenant-knex: title and reason. */
export const exceptions: Readonly<Record<string, string>> = {
  'Integration Tests > Connection configuration provider > replaces the resolved config when expired':
    'It calls methods of Knex’s own client and pool that are not public, and replaces settings by hand.',
  [`${TRANSACTIONS} > #1040, #1171 - When pool is filled with transaction connections, Non-transaction queries should not hang the application, but instead throw a timeout error`]:
    'It compares the whole message of the timeout. Ours names the tenant and the pool’s numbers. Class, `sql` and `bindings` are as the test wants them.',
  'MySQL dialect > Connection configuration > mysql2 > uses correct port for connecting':
    'It compares the whole message of ECONNREFUSED. Ours is ERR_SERVER_UNREACHABLE and names the port; that error is its `cause`.',
  [`${ADDITIONAL} > timeouts > .timeout(ms, {cancel: true}) should release connections after failing if connection cancellation throws an error`]:
    'It makes the cancelling fail by replacing a method that Knex’s client has for itself, and which ours does not call. test/server/knex/queries.test.ts makes it fail for real.',
  [`${ADDITIONAL} > async stack traces > should capture stack trace on raw query`]:
    'It wants `Object.raw` as a function’s name in the stack. With us that is `BoundContext.raw`, in the same place.',
  [`${ADDITIONAL} > misc > should allow destroying the pool with knex.destroy`]:
    'The pool is all tenants’, and out of a bound Knex’s reach: `tenantKnex.destroy()` ends it.',
  [`${ADDITIONAL} > misc > should allow initialize the pool with knex.initialize`]:
    'As above: a bound Knex can neither end the pool nor make a new one.',
  'Schema > jsonb columns > mysql2 > JSONB falls back to JSON for unsupported drivers':
    INFORMATION_SCHEMA,
  'Schema > customType > mysql2 > Allows to specify custom type params': INFORMATION_SCHEMA,
}
