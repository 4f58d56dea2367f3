import { expect } from 'chai'
import { withRewriting } from '../../support/rewriting.ts'
import { onEachServer, rejection, type TestTenants, withTenants } from '../../support/tenants.ts'
import { runAs } from '../isolation/support.ts'

const VERSION = 'SELECT @@version'
const ROLE = 'SELECT CURRENT_ROLE()'
const LIMITS = {
  MariaDB: 'SELECT @@profiling_history_size',
  MySQL: 'SELECT @@optimizer_trace_limit',
}

onEachServer('a server that is asked what it is', (server) => {
  const withAnswers = (
    rewrite: Record<string, string>,
    test: (context: TestTenants) => Promise<void>,
  ): Promise<void> =>
    withRewriting(server.url, rewrite, (connection) =>
      withTenants(server, { connection, pool: { max: 1, acquireTimeoutMillis: 1_000 } }, test),
    )

  for (const answer of ["SELECT 'shop-1'", "SELECT ''", 'SELECT NULL', 'DO 1']) {
    it(`is not used where its version is not understood: ${answer}`, () =>
      withAnswers({ [VERSION]: answer }, async ({ tenantKnex }) => {
        for (const use of [tenantKnex('a')('items'), tenantKnex.check()]) {
          const error = await rejection(use)
          expect(error).to.include({ code: 'ERR_SESSION_SETUP_FAILED', outcome: 'not-sent' })
          expect(error.message).to.match(/^The server's version is not understood: /)
        }
      }))
  }

  for (const question of [VERSION, ROLE, LIMITS[server.name]]) {
    it(`is not used where it does not answer: ${question}`, () =>
      withAnswers({ [question]: 'DESC no.table' }, async ({ tenantKnex }) => {
        const error = await rejection(tenantKnex('a')('items'))
        expect(error).to.include({ code: 'ERR_SESSION_SETUP_FAILED', outcome: 'not-sent' })
        expect(error.cause).to.have.property('code').that.matches(/^ER_/)
      }))
  }

  it('may know no roles: no role is set then', () =>
    withAnswers({ [ROLE]: 'SELECT no_such_fn()' }, async ({ tenantKnex }) => {
      for (const id of ['a', 'b']) {
        expect(await tenantKnex(id)('items').distinct().pluck('tenant')).to.deep.equal([id])
      }
    }))

  if (server.name !== 'MariaDB') return

  it('may give another one’s version: it is cleaned of what it keeps for diagnosis', () =>
    withAnswers({ [VERSION]: "SELECT '8.4.0'" }, async ({ tenantKnex }) => {
      await runAs(tenantKnex, 'a', ['SET profiling = 1', 'SELECT * FROM items'])
      const [[row]] = await tenantKnex('b').raw(
        'SELECT COUNT(*) AS kept FROM information_schema.profiling',
      )
      expect(row.kept).to.equal(0)
    }))
})
