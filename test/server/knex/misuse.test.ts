import { inspect } from 'node:util'
import { expect } from 'chai'
import knex, { type Knex } from 'knex'
import { onEachServer, rejection, thrown, urlOptions, withTenants } from '../../support/tenants.ts'

onEachServer('a bound Knex that is used wrongly', (server) => {
  it('goes on after destroy() and initialize(), of itself or of its client', () =>
    withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex }) => {
      const knex = tenantKnex('a')
      const running = knex.raw('SELECT SLEEP(0.1) AS slept')
      const ended = running.then(([[row]]) => row)
      await knex.destroy()
      await new Promise<void>((resolve) => void knex.destroy(resolve))
      await knex.client.destroy()
      knex.initialize()
      expect(await ended).to.deep.equal({ slept: 0 })
      expect(await knex('items').first('tenant')).to.deep.equal({ tenant: 'a' })
      expect(await tenantKnex('b')('items').first('tenant')).to.deep.equal({ tenant: 'b' })
    }))

  it('sends nothing for a builder that nobody awaits', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      tenantKnex('a')('items').del()
      await tenantKnex.run('b', () => {
        tenantKnex.ambient('items').del()
      })
      expect(tenantKnex.stats().servers[0].connects).to.equal(0)
      expect(await tenantKnex('a')('items')).not.to.deep.equal([])
    }))

  it('refuses what is no transaction and no connection', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      const query = () => tenantKnex('a')('items')
      expect(thrown(() => query().connection({} as never))).to.include({
        code: 'ERR_WRONG_TENANT',
        outcome: 'not-sent',
      })
      expect(thrown(() => query().transacting(tenantKnex('b') as never))).to.have.property(
        'code',
        'ERR_WRONG_TENANT',
      )
    }))

  it('refuses the client of another tenant, or of a Knex without tenants', () =>
    withTenants(server, {}, async ({ tenantKnex, url }) => {
      const [a, b] = [tenantKnex('a'), tenantKnex('b')]
      const plain = knex({ client: 'mysql2', connection: url })
      for (const { client } of [b, plain]) {
        const error = thrown(() => {
          a.client = client
        })
        expect(error).to.include({ code: 'ERR_WRONG_TENANT', tenant: 'a' })
      }
      a.client = tenantKnex('a').client
      expect(await a('items').first('tenant')).to.deep.equal({ tenant: 'a' })
      await plain.destroy()
    }))

  it('refuses a connection after its release, by builder, transaction and cancel', () =>
    withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex }) => {
      const { client } = tenantKnex('a')
      const connection = await client.acquireConnection()
      await client.releaseConnection(connection)
      await client.releaseConnection(connection)
      const message = 'was used after its release'
      const late = (use: () => PromiseLike<unknown>) => rejection((async () => use())())
      for (const use of [
        () => tenantKnex('a')('items').connection(connection),
        () => tenantKnex('a').raw('SELECT 1').connection(connection),
        () => tenantKnex('a').schema.connection(connection).hasTable('items'),
        () => tenantKnex('a').transaction(async () => 1, { connection } as Knex.TransactionConfig),
        () => client.cancelQuery(connection),
      ]) {
        const error = await late(use)
        expect(error).to.include({ code: 'ERR_WRONG_TENANT', tenant: 'a', outcome: 'not-sent' })
        expect(error.message).to.contain(message)
      }
    }))

  it('keeps a transaction that is handed to another tenant’s code with its tenant', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      const helper = (knex: Knex) => knex('items').distinct().pluck('tenant')
      await tenantKnex('a').transaction(async (trx) => {
        expect(await tenantKnex.run('b', () => helper(trx))).to.deep.equal(['a'])
        const inB = await tenantKnex('b').transaction(async (other) => [
          await helper(other),
          await helper(trx),
        ])
        expect(inB).to.deep.equal([['b'], ['a']])
      })
    }))

  it('shows no password where it is logged', () => {
    const connection = { ...urlOptions(server.url), password: 'hunter2-hunter2' }
    return withTenants(server, { connection }, async ({ tenantKnex }) => {
      const knex = tenantKnex('a')
      const error = await rejection(knex('items'))
      const shown = [knex, knex.client, tenantKnex, tenantKnex.ambient, tenantKnex.stats(), error]
        .map((value) => inspect(value, { depth: 8 }))
        .join('\n')
      expect(shown).to.contain('ERR_SERVER_REFUSED')
      expect(shown).not.to.contain(connection.password)
    })
  })
})
