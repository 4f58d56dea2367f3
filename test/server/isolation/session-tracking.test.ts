import { expect } from 'chai'
import mysql from 'mysql2'
import { onEachServer, rejection } from '../../support/tenants.ts'
import { ask, onOneConnection, prepare, type RawLease, withLease } from './support.ts'

const NAME = 'session_track_schema'

/** By session tracking the server tells that a statement has left its database: it must stay on. */
onEachServer('switching session tracking off', (server) => {
  const attempts: [string, (lease: RawLease) => Promise<unknown>][] = [
    ['by query', (lease) => ask(lease, `SET ${NAME} = OFF`)],
    ['by execute', (lease) => ask(lease, `SET ${NAME} = OFF`, 'execute')],
    ['by prepare', (lease) => prepare(lease, `SET ${NAME} = OFF`)],
    ['by a statement of PREPARE', (lease) => ask(lease, `PREPARE off FROM 'SET ${NAME} = OFF'`)],
    ['by a procedure', (lease) => ask(lease, `CREATE PROCEDURE off() SET ${NAME} = OFF`)],
    ['behind another statement', (lease) => ask(lease, `SET @a = 1, @@SESSION.${NAME} = 0`)],
    ['with an accent', (lease) => ask(lease, 'SET séssion_track_schema = OFF')],
    ['with quotes', (lease) => ask(lease, 'SET `SESSıON_TRACK_SCHEMÄ` = OFF')],
    ['by a name', (lease) => ask(lease, { sql: 'SET ?? = OFF', values: [NAME] })],
    ['by an object’s key', (lease) => ask(lease, { sql: 'SET ?', values: { [NAME]: 0 } })],
    ['by raw SQL', (lease) => ask(lease, { sql: 'SET ? = 0', values: [mysql.raw(NAME)] })],
    [
      'by a named placeholder',
      (lease) =>
        ask(lease, { sql: 'SET ::name = 0', values: { name: NAME }, namedPlaceholders: true }),
    ],
  ]
  for (const [title, attempt] of attempts) {
    it(`is refused unsent: ${title}`, () =>
      onOneConnection(server, async ({ tenantKnex }) => {
        await withLease(tenantKnex, 'a', async (lease) => {
          const error = await rejection(attempt(lease))
          expect(await trackingOf(lease)).to.equal('ON')
          expect(error).to.include({ code: 'ERR_STATEMENT_REFUSED', outcome: 'not-sent' })
        })
      }))
  }

  it('is refused unsent through Knex', () =>
    onOneConnection(server, async ({ tenantKnex }) => {
      const knex = tenantKnex('a')
      for (const statement of [
        knex.raw(`SET ${NAME} = OFF`),
        knex.raw('SET ?? = OFF', [NAME]),
        knex.raw('SET ? = OFF', [knex.raw(NAME)]),
      ]) {
        expect(await rejection(statement)).to.have.property('code', 'ERR_STATEMENT_REFUSED')
      }
    }))

  it('is not seen in what a tenant only writes down', () =>
    onOneConnection(server, async ({ tenantKnex }) => {
      await tenantKnex('a')('items').where({ id: 1 }).update({ tenant: NAME })
      expect(await tenantKnex('a')('items').where({ tenant: NAME }).pluck('id')).to.deep.equal([1])
    }))
})

/** Asked for by a pattern, as the name itself is refused. */
async function trackingOf(lease: RawLease): Promise<unknown> {
  const [row] = await ask(lease, "SHOW SESSION VARIABLES LIKE 'session_track%schema'")
  return row?.Value
}
