import { expect } from 'chai'
import plainKnex from 'knex'
import { ITEMS, onEachServer, rejection, urlOptions, withTenants } from '../../support/tenants.ts'

const rows = (tenant: string) => Array.from({ length: 3 }, () => ({ tenant, val: 1 }))

onEachServer('batchInsert', (server) => {
  it('put into another tenant’s transaction is refused, and inserts nowhere', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      const trx = await tenantKnex('a').transaction()
      for (const knex of [tenantKnex('b'), tenantKnex('b').withUserParams({})]) {
        const error = await rejection(knex.batchInsert('items', rows('b'), 2).transacting(trx))
        expect(error).to.include({ code: 'ERR_WRONG_TENANT', tenant: 'b', outcome: 'not-sent' })
      }
      const inner = tenantKnex('b').transaction((own) =>
        own.batchInsert('items', rows('b')).transacting(trx),
      )
      expect(await rejection(inner)).to.have.property('code', 'ERR_WRONG_TENANT')
      const ambient = tenantKnex.run('b', () =>
        tenantKnex.ambient.batchInsert('items', rows('b')).transacting(trx),
      )
      expect(await rejection(ambient)).to.have.property('code', 'ERR_WRONG_TENANT')
      await trx.commit()
      for (const id of ['a', 'b']) expect(await tenantKnex(id)('items')).to.have.lengthOf(ITEMS)
    }))

  it('put into the transaction of a Knex without tenants is refused', () =>
    withTenants(server, {}, async ({ tenantKnex, databaseOf }) => {
      const connection = { ...urlOptions(server.url), database: databaseOf('b') }
      const plain = plainKnex({ client: 'mysql2', connection })
      const trx = await plain.transaction()
      try {
        const error = await rejection(
          tenantKnex('a').batchInsert('items', rows('a')).transacting(trx),
        )
        expect(error).to.include({ code: 'ERR_WRONG_TENANT', tenant: 'a' })
      } finally {
        await trx.commit()
        await plain.destroy()
      }
      expect(await tenantKnex('b')('items')).to.have.lengthOf(ITEMS)
    }))

  it('put into its tenant’s transaction is part of it', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      const trx = await tenantKnex('a').transaction()
      await tenantKnex('a').batchInsert('items', rows('a'), 2).transacting(trx)
      await tenantKnex.run('a', () =>
        tenantKnex.ambient.batchInsert('items', rows('a')).transacting(trx),
      )
      expect(await trx('items')).to.have.lengthOf(ITEMS + 6)
      await trx.rollback()
      expect(await tenantKnex('a')('items')).to.have.lengthOf(ITEMS)
    }))
})
