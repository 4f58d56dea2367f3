import { expect } from 'chai'
import type { TenantKnexOptions } from '../../../src/index.ts'
import { onEachServer, rejection, urlOptions } from '../../support/tenants.ts'
import { onOneConnection } from './support.ts'

const WAYS: readonly Partial<TenantKnexOptions>[] = [
  {},
  { switching: 'pipelined' },
  { switching: 'roundtrip' },
  { clean: 'always' },
]

/** Keeps a row of whichever database it runs in, and the error if there is none. */
const KEEP_A_ROW = `BEGIN NOT ATOMIC
  DECLARE CONTINUE HANDLER FOR SQLEXCEPTION SET @kept = NULL;
  EXECUTE IMMEDIATE 'SELECT tenant INTO @kept FROM items LIMIT 1';
END`

onEachServer('the statements of the session option', (server) => {
  for (const options of WAYS) {
    it(`never run in another tenant’s database: ${JSON.stringify(options)}`, () =>
      onOneConnection(
        server,
        async ({ tenantKnex }) => {
          for (const id of ['a', 'b', 'b', 'a', 'c']) {
            const knex = tenantKnex(id)
            const row = await knex('items').first(knex.raw('@place AS place'))
            expect(row).to.deep.equal({ place: 'information_schema' })
          }
        },
        { ...options, session: ['SET @place = DATABASE()'] },
      ))
  }

  if (server.name === 'MariaDB') {
    it('copy no row of another tenant’s, also by dynamic SQL', () =>
      onOneConnection(
        server,
        async ({ tenantKnex }) => {
          for (const id of ['a', 'b', 'a']) {
            const [[row]] = await tenantKnex(id).raw('SELECT @kept AS kept')
            expect(row).to.deep.equal({ kept: null })
          }
        },
        { session: [KEEP_A_ROW] },
      ))
  }

  it('are refused if one of them is two: its second answer would be taken for the next one’s', () => {
    const connection = { ...urlOptions(server.url), multipleStatements: true }
    const options = {
      connection,
      allowMultipleStatements: true,
      session: ['SET @x = 1; SET @y = 2'],
    }
    return onOneConnection(
      server,
      async ({ tenantKnex }) => {
        const insert = tenantKnex('a')('items').insert({ id: 1, tenant: 'twice', val: 0 })
        const error = await rejection(insert)
        expect(error).to.include({ code: 'ERR_SESSION_SETUP_FAILED', outcome: 'not-sent' })
        expect(error.message).to.contain('one OK')
      },
      options,
    )
  })

  for (const sql of [
    'SET CHARACTER SET utf8mb4',
    'SET NAMES latin1',
    'SET @x = 1, character_set_connection = latin1',
    "SET character_set_results = 'latin1'",
  ]) {
    it(`are refused if they change the character set, as text would be lost: ${sql}`, () =>
      onOneConnection(
        server,
        async ({ tenantKnex }) => {
          const error = await rejection(tenantKnex('a')('items'))
          expect(error).to.include({ code: 'ERR_SESSION_SETUP_FAILED', outcome: 'not-sent' })
          expect(error.message).to.contain('`connection.charset`')
          expect(await rejection(tenantKnex.check())).to.include({ code: error.code })
        },
        { session: [sql] },
      ))
  }

  it('are refused if they change what escapes a quote, as values could end their quotes', () =>
    onOneConnection(
      server,
      async ({ tenantKnex }) => {
        const error = await rejection(tenantKnex('a')('items').where({ tenant: "' or 1=1 -- " }))
        expect(error).to.include({ code: 'ERR_SESSION_SETUP_FAILED', outcome: 'not-sent' })
        expect(error.message).to.contain('NO_BACKSLASH_ESCAPES')
      },
      { session: ["SET sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'"] },
    ))

  it('may change the collation, and text stays whole', () =>
    onOneConnection(
      server,
      async ({ tenantKnex }) => {
        for (const id of ['a', 'b', 'a']) {
          const text = 'Ünïcode 🦔'
          const knex = tenantKnex(id)
          await knex('items').insert({ tenant: text, val: 1 })
          expect(await knex('items').where({ tenant: text }).pluck('tenant')).to.contain(text)
          const [[row]] = await knex.raw('SELECT @@collation_connection AS name')
          expect(row).to.deep.equal({ name: 'utf8mb4_bin' })
        }
      },
      { session: ['SET NAMES utf8mb4 COLLATE utf8mb4_bin', 'SET character_set_results = NULL'] },
    ))
})
