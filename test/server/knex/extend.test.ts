import { expect } from 'chai'
import plainKnex, { type Knex } from 'knex'
import { onEachServer, withTenants } from '../../support/tenants.ts'
import { sameAsPlain } from './same-as-plain.ts'

type Extended = Knex.QueryBuilder & { tkOnly(id: number): Extended }
type ExtendedTable = Knex.TableBuilder & { tkStamp(): void }
type ExtendedView = Knex.ViewBuilder & { tkAll(knex: Knex): void }

// Knex registers these for the whole process, and a name only once.
before(() => {
  plainKnex.QueryBuilder.extend(
    'tkOnly' as never,
    function (this: Knex.QueryBuilder, id: number) {
      return this.where({ id })
    } as never,
  )
  plainKnex.TableBuilder.extend('tkStamp', function (this: Knex.TableBuilder) {
    this.string('stamp').defaultTo('x')
    return this
  } as never)
  plainKnex.ViewBuilder.extend('tkAll', function (this: Knex.ViewBuilder, knex: Knex) {
    this.as(knex('items').select('id'))
    return this
  } as never)
})

onEachServer('methods that Knex’s extend() added', (server) => {
  it('are there on the builders of a bound Knex, and keep its tenant', () =>
    sameAsPlain(server, async (knex) => {
      await knex.schema.alterTable('items', (table) =>
        (table as unknown as ExtendedTable).tkStamp(),
      )
      await knex.schema.createView('seen', (view) => (view as ExtendedView).tkAll(knex))
      return [
        await (knex('items') as Extended).tkOnly(2),
        await (knex.queryBuilder().from('items') as Extended).tkOnly(3).clone(),
        await knex.transaction((trx) => (trx('items') as Extended).tkOnly(4)),
        await knex('items').whereIn(
          'id',
          (query) => void (query.from('items').select('id') as Extended).tkOnly(5),
        ),
        await knex('seen').count(),
      ]
    }))

  it('are there on the ambient Knex', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      const rows = await tenantKnex.run('b', () =>
        (tenantKnex.ambient('items') as Extended).tkOnly(2),
      )
      expect(rows).to.deep.equal([{ id: 2, tenant: 'b', val: 0 }])
    }))
})
