import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import knex, { type Knex } from 'knex'
import { createTenantKnex } from '../../../src/index.ts'
import {
  onEachServer,
  rejection,
  type TestTenants,
  thrown,
  urlOptions,
  withTenants,
} from '../../support/tenants.ts'

describe('given a raw statement of a tenant', () => {
  it('when a plain Knex puts it into its query, then that is refused, and says whose it is', () => {
    const a = createTenantKnex({ connection: {} })('a')
    const plain = knex({ client: 'mysql2' })
    for (const use of [
      () => plain('items').where(a.raw('1 = 1')),
      () => plain('items').select(a.raw('1')),
      () => plain('items').insert({ val: a.fn.now() }),
    ]) {
      const error = thrown(() => use().toSQL())
      expect(error).to.include({ code: 'ERR_WRONG_TENANT', tenant: 'a', outcome: 'not-sent' })
      expect(error.message).to.contain('used by a Knex without tenants')
    }
  })
})

onEachServer('what belongs to another tenant', (server) => {
  describe('a builder of another tenant inside a builder', () => {
    type Build = (a: Knex, b: Knex) => PromiseLike<unknown>
    /** Names its tenant's database, as it may. */
    const own = (knex: Knex, table: string): Knex.QueryBuilder =>
      knex(table).withSchema(knex.client.database())
    const builds: [string, Build][] = [
      ['as sub-query', (a, b) => a('items').whereIn('id', b('items').select('id'))],
      ['as source', (a, b) => a.select('*').from(b('items').as('x'))],
      ['as column', (a, b) => a('items').select(b('items').max('id').as('m'))],
      ['in a union', (a, b) => a('items').union(b('items'))],
      ['as a CTE', (a, b) => a.with('x', b('items')).select('*').from('x')],
      ['as what is inserted', (a, b) => a('items').insert(b('items') as never)],
      ['in a join', (a, b) => a('items').join(b('items').as('x'), 'x.id', 'items.id')],
      ['in a raw binding', (a, b) => a.raw('SELECT * FROM ?', [b('items')])],
      ['as raw statement', (a, b) => a('items').whereRaw(b.raw('val = 1') as never)],
      ['as raw value', (a, b) => a('items').where({ id: b.raw('SELECT 1') })],
      [
        'as the query of a view',
        (a, b) => a.schema.createView('view', (view) => view.as(own(b, 'items'))),
      ],
      [
        'as the raw query of a view',
        (a, b) =>
          a.schema.createViewOrReplace('view', (view) => view.as(b.raw('SELECT 1') as never)),
      ],
      [
        'as a column’s default',
        (a, b) =>
          a.schema.createTable('other', (table) => {
            table.integer('n').defaultTo(b.raw('1'))
          }),
      ],
      [
        'in a raw statement that is a raw join',
        (a, b) => a('items').joinRaw(b.raw('JOIN ? AS x', [own(b, 'items')]) as never),
      ],
      ['as a raw condition', (a, b) => a('items').whereRaw(own(b, 'items') as never)],
    ]
    for (const [title, build] of builds) {
      it(`${title} is refused`, () =>
        withTenants(server, {}, async ({ tenantKnex }) => {
          const error = await rejection((async () => build(tenantKnex('a'), tenantKnex('b')))())
          expect(error).to.include({ code: 'ERR_WRONG_TENANT', tenant: 'a', outcome: 'not-sent' })
          expect(await tenantKnex('a')('items').distinct().pluck('tenant')).to.deep.equal(['a'])
        }))
    }

    it('is the tenant’s own: that passes, as a view and as a default too', () =>
      withTenants(server, {}, async ({ tenantKnex }) => {
        const a = tenantKnex('a')
        await a.schema.createView('view', (view) => view.as(own(a, 'items').where({ id: 1 })))
        expect(await a('view').pluck('tenant')).to.deep.equal(['a'])
        await a.transaction(async (trx) => {
          expect(await trx('items').joinRaw(a.raw('JOIN view') as never)).to.have.lengthOf(5)
        })
        await a.schema.createTable('other', (table) => {
          table.timestamp('at').defaultTo(a.fn.now())
        })
      }))

    it('of a Knex that is connected nowhere passes', () =>
      withTenants(server, {}, async ({ tenantKnex }) => {
        const plain = knex({ client: 'mysql2' })
        const rows = await tenantKnex('a')('items').whereIn(
          'id',
          plain('items').select('id').where('id', '<', 3),
        )
        expect(rows.map((row) => row.tenant)).to.deep.equal(['a', 'a'])
      }))
  })

  describe('a builder of a Knex without tenants', () => {
    /** A Knex as an application has it for a central database. */
    const withCentral = (test: (context: TestTenants, central: Knex) => Promise<void>) =>
      withTenants(server, {}, async (context) => {
        const database = context.databaseOf('b')
        const central = knex({
          client: 'mysql2',
          connection: { ...urlOptions(server.url), database },
        })
        try {
          await test(context, central)
        } finally {
          await central.destroy()
        }
      })
    const isRefused = (error: Error) => {
      expect(error).to.include({ code: 'ERR_WRONG_TENANT', tenant: 'a', outcome: 'not-sent' })
      expect(error.message).to.contain("Make it with this tenant's Knex")
    }

    type Build = (a: Knex, central: Knex) => PromiseLike<unknown>
    const builds: [string, Build][] = [
      ['as sub-query', (a, central) => a('items').whereIn('id', central('items').select('id'))],
      ['as condition', (a, central) => a('items').where('id', central('items').max('id'))],
      ['as source', (a, central) => a.select('*').from(central('items').as('x'))],
      [
        'as source with an alias',
        (a, central) => a.select('*').from({ x: central('items') } as never),
      ],
      ['as column', (a, central) => a('items').select(central('items').max('id').as('m'))],
      ['in a union', (a, central) => a('items').union(central('items'))],
      ['as a CTE', (a, central) => a.with('x', central('items')).select('*').from('x')],
      ['as what is inserted', (a, central) => a('items').insert(central('items') as never)],
      [
        'as a value',
        (a, central) => a('items').update({ val: central('items').max('id') as never }),
      ],
      ['in a join', (a, central) => a('items').join(central('items').as('x'), 'x.id', 'items.id')],
      [
        'in a function',
        (a, central) => a('items').whereExists((query) => void query.union(central('items'))),
      ],
      ['in a raw binding', (a, central) => a.raw('SELECT * FROM ?', [central('items')])],
      ['in a named binding', (a, central) => a.raw('SELECT * FROM :x', { x: central('items') })],
      [
        'inside a raw fragment of its own',
        (a, central) => a('items').whereRaw(central.raw('id IN ?', [central('items')]) as never),
      ],
      [
        'in the bindings of a raw join of its own',
        (a, central) => a('items').joinRaw(central.raw('JOIN ? AS x', [central('items')]) as never),
      ],
      ['as a raw condition', (a, central) => a('items').whereRaw(central('items') as never)],
      [
        'as the query of a view',
        (a, central) => a.schema.createView('view', (view) => view.as(central('items'))),
      ],
      [
        'as the raw query of a view',
        (a, central) =>
          a.schema.createViewOrReplace('view', (view) =>
            view.as(central.raw('SELECT * FROM items') as never),
          ),
      ],
    ]
    for (const [title, build] of builds) {
      it(`is refused ${title}`, () =>
        withCentral(async ({ tenantKnex }, central) => {
          isRefused(await rejection((async () => build(tenantKnex('a'), central))()))
          await tenantKnex('a').transaction(async (trx) => {
            isRefused(await rejection((async () => build(trx, central))()))
          })
          const transaction = (trx: Knex.Transaction) => build(tenantKnex('a'), trx)
          isRefused(await rejection(central.transaction(async (trx) => transaction(trx))))
        }))
    }

    it('cannot join a tenant’s transaction: query, raw, schema, stream; nor inside a builder', () =>
      withCentral(async ({ tenantKnex }, central) => {
        await tenantKnex('a').transaction(async (trx) => {
          for (const join of [
            () => central('items').transacting(trx),
            () => central('items').update({ val: 1 }).transacting(trx),
            () => central.raw('SELECT * FROM items').transacting(trx),
            () => central.schema.transacting(trx).dropTable('items'),
            () =>
              central('items')
                .transacting(trx)
                .stream(() => undefined),
            () => trx('items').whereIn('id', central('items').select('id').transacting(trx)),
          ]) {
            isRefused(await rejection((async () => join())()))
          }
          isRefused(
            await central('items')
              .transacting(trx)
              .catch((error) => error),
          )
          const stream = central('items').transacting(trx).stream()
          isRefused(await new Promise((resolve) => stream.on('error', resolve)))
        })
        expect(await tenantKnex('a')('items').where({ val: 1 })).to.deep.equal([])
      }))

    it('may be a fragment of text: a function, a value, a column’s default', () =>
      withCentral(async ({ tenantKnex }, central) => {
        const a = tenantKnex('a')
        await a.schema.alterTable('items', (table) => {
          table.timestamp('at').defaultTo(central.fn.now())
        })
        await a('items')
          .where({ id: 1 })
          .update({ val: central.raw('val + ?', [7]) })
        const row = await a('items')
          .whereRaw(central.raw('id = 1') as never)
          .first()
        expect(row).to.include({ tenant: 'a', val: 7 })
      }))

    it('gives its result to a tenant’s query once it has been awaited', () =>
      withCentral(async ({ tenantKnex }, central) => {
        const ids = await central('items').where('id', '<', 3).pluck('id')
        const rows = await tenantKnex('a')('items').whereIn('id', ids)
        expect(rows.map((row) => row.tenant)).to.deep.equal(['a', 'a'])
      }))
  })

  it('of the same tenant of another tenantKnex is refused, and the error says so', () =>
    withTenants(server, {}, async ({ tenantKnex, databaseOf }) => {
      const other = createTenantKnex({ connection: server.url, database: databaseOf })
      const trx = await other('a').transaction()
      try {
        for (const use of [
          () => tenantKnex('a')('items').transacting(trx),
          () => tenantKnex('a')('items').whereIn('id', trx('items').select('id')),
          () => tenantKnex('a')('items').whereRaw(other('a').raw('1 = 1') as never),
        ]) {
          const error = await rejection((async () => use())())
          expect(error).to.include({ code: 'ERR_WRONG_TENANT', tenant: 'a', outcome: 'not-sent' })
          expect(error.message).to.contain('of another tenantKnex')
        }
      } finally {
        await trx.rollback()
        await other.destroy()
      }
    }))

  describe('a transaction or a connection of another tenant', () => {
    it('cannot be joined', () =>
      withTenants(server, {}, async ({ tenantKnex }) => {
        const trx = await tenantKnex('b').transaction()
        const a = tenantKnex('a')
        for (const join of [
          () => a('items').transacting(trx),
          () => a.raw('SELECT 1').transacting(trx),
          () => a.schema.transacting(trx),
        ]) {
          expect(thrown(join)).to.include({ code: 'ERR_WRONG_TENANT', tenant: 'a' })
        }
        await trx.rollback()
      }))

    it('of a Knex without tenants cannot be joined either', () =>
      withTenants(server, {}, async ({ tenantKnex, databaseOf }) => {
        const plain = knex({
          client: 'mysql2',
          connection: { ...urlOptions(server.url), database: databaseOf('b') },
        })
        const trx = await plain.transaction()
        expect(thrown(() => tenantKnex('a')('items').transacting(trx))).to.have.property(
          'code',
          'ERR_WRONG_TENANT',
        )
        await trx.rollback()
        await plain.destroy()
      }))

    it('cannot be passed to .connection() or transaction()', () =>
      withTenants(server, {}, async ({ tenantKnex }) => {
        const { client } = tenantKnex('b')
        const connection = await client.acquireConnection()
        const a = tenantKnex('a')
        expect(thrown(() => a('items').connection(connection))).to.have.property(
          'code',
          'ERR_WRONG_TENANT',
        )
        const error = await rejection(a.transaction(async (trx) => trx('items'), { connection }))
        expect(error).to.have.property('code', 'ERR_WRONG_TENANT')
        const own = await tenantKnex('b')('items').connection(connection).distinct().pluck('tenant')
        expect(own).to.deep.equal(['b'])
        await client.releaseConnection(connection)
      }))

    it('nor one that does not come from here at all', () =>
      withTenants(server, {}, async ({ tenantKnex, admin }) => {
        const error = thrown(() => tenantKnex('a')('items').connection(admin as never))
        expect(error).to.have.property('code', 'ERR_WRONG_TENANT')
      }))
  })

  describe('the name of another database', () => {
    type Name = (a: Knex, other: string) => PromiseLike<unknown>
    const names: [string, Name][] = [
      ['as dotted table', (a, other) => a(`${other}.items`)],
      ['with an alias', (a, other) => a(`${other}.items as x`)],
      ['in an object of aliases', (a, other) => a({ x: `${other}.items` })],
      [
        'in an object of aliases without a prototype',
        (a, other) => a(Object.assign(Object.create(null), { x: `${other}.items` })),
      ],
      ['in from()', (a, other) => a.select('*').from(`${other}.items`)],
      ['in into()', (a, other) => a.insert({ tenant: 'x', val: 1 }).into(`${other}.items`)],
      ['in an update', (a, other) => a(`${other}.items`).update({ val: 1 })],
      ['in a join', (a, other) => a('items').join(`${other}.items as x`, 'x.id', 'items.id')],
      ['by withSchema', (a, other) => a('items').withSchema(other)],
      ['by withSchema before a join', (a, other) => a.withSchema(other).from('items')],
      ['by withSchema with a list', (a, other) => a('items').withSchema([other] as never)],
      ['as ref', (a, other) => a(a.ref(`${other}.items`) as never)],
      [
        'in a sub-query',
        (a, other) => a('items').whereIn('id', (q) => void q.from(`${other}.items`)),
      ],
      ['in schema', (a, other) => a.schema.dropTable(`${other}.items`)],
      ['in a renamed table', (a, other) => a.schema.renameTable('items', `${other}.x`)],
      [
        'in a foreign key',
        (a, other) =>
          a.schema.createTable('f', (table) => {
            table.integer('item').references('id').inTable(`${other}.items`)
          }),
      ],
      ['by schema.withSchema', (a, other) => a.schema.withSchema(other).hasTable('items')],
    ]
    for (const [title, name] of names) {
      it(`${title} is refused`, () =>
        withTenants(server, {}, async ({ tenantKnex, databaseOf }) => {
          const error = await rejection((async () => name(tenantKnex('a'), databaseOf('b')))())
          expect(error).to.include({ code: 'ERR_WRONG_TENANT', tenant: 'a', outcome: 'not-sent' })
          expect(error.message).to.contain(databaseOf('b'))
          expect(await tenantKnex('b')('items').sum({ val: 'val' }).first()).to.have.property(
            'val',
            '0',
          )
        }))
    }

    it('is the tenant’s own: that passes, and so do dotted columns', () =>
      withTenants(server, {}, async ({ tenantKnex, databaseOf }) => {
        const own = databaseOf('a')
        const a = tenantKnex('a')
        expect(await a(`${own}.items`).first('tenant')).to.deep.equal({ tenant: 'a' })
        expect(await a('items').withSchema(own).first('tenant')).to.deep.equal({ tenant: 'a' })
        expect(await a('items').where('items.id', 1).pluck('items.tenant')).to.deep.equal(['a'])
        expect(await a('items as x.y').first('tenant')).to.deep.equal({ tenant: 'a' })
      }))
  })

  describe('two ids with one database', () => {
    const shared = {
      database: (id: string) => (id === 'x' ? 'tk_shared' : `tk_${id.toLowerCase()}`),
    }

    it('are refused, naming both', () =>
      withTenants(server, { ...shared, tenants: [] }, async ({ tenantKnex }: TestTenants) => {
        tenantKnex('abc')
        const error = thrown(() => tenantKnex('ABC'))
        expect(error).to.include({ code: 'ERR_DATABASE_SHARED', tenant: 'ABC' })
        expect(error.message).to.contain('"abc"').and.contain('"ABC"')
      }))

    it('are refused also where only a connection is left of the first', () => {
      const name = `tk_${process.pid}_shared`
      const database = (id: string) => (id.startsWith('other') ? id : name)
      return withTenants(server, { database, tenants: [] }, async ({ tenantKnex, admin }) => {
        await admin.query(`CREATE DATABASE ${name}`)
        try {
          await tenantKnex('first').raw('DO 1')
          for (let other = 0; other < 1_001; other++) tenantKnex(`other${other}`) // fills the LRU
          await sleep(0)
          globalThis.gc?.()
          await sleep(10) // what is told of what was collected
          expect(tenantKnex.stats().boundKnexes).to.be.at.most(1_000)
          const error = thrown(() => tenantKnex('second'))
          expect(error).to.include({ code: 'ERR_DATABASE_SHARED', tenant: 'second' })
        } finally {
          await admin.query(`DROP DATABASE ${name}`)
        }
      })
    })
  })
})
