import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import type { Connection, RowDataPacket } from 'mysql2/promise'
import type { TenantKnex } from '../../../src/index.ts'
import {
  type Item,
  onEachServer,
  rejection,
  type TestTenants,
  thrown,
  until,
  withTenants,
} from '../../support/tenants.ts'

onEachServer('an asynchronous `database` function', (server) => {
  /** Runs a test with a catalog of a and b that counts what it is asked. */
  function withCatalog(
    test: (context: Parameters<Parameters<typeof withTenants>[2]>[0] & Catalog) => Promise<void>,
    options: Parameters<typeof withTenants>[1] = {},
  ): Promise<void> {
    const catalog: Catalog = { asked: [], places: new Map(), failure: undefined }
    const database = async (id: string): Promise<string | null> => {
      catalog.asked.push(id)
      await sleep(1)
      if (catalog.failure) throw catalog.failure
      return catalog.places.get(id) ?? null
    }
    return withTenants(server, { ...options, database }, async (context) => {
      for (const id of ['a', 'b']) catalog.places.set(id, context.databaseOf(id))
      await test(Object.assign(catalog, context))
    })
  }

  describe('given a tenant that nobody has asked for', () => {
    it('when its Knex is taken, then nothing is asked and its database is not known', () =>
      withCatalog(async ({ tenantKnex, asked }) => {
        const a = tenantKnex('a')
        expect(a.tenant.database).to.equal(null)
        expect(JSON.parse(JSON.stringify(a.tenant))).to.deep.equal({ id: 'a', database: null })
        expect(tenantKnex('a')).to.equal(a)
        expect(asked).to.deep.equal([])
      }))

    it('when queries run at once, then it is asked for once and they read its rows', () =>
      withCatalog(async ({ tenantKnex, asked, databaseOf }) => {
        const read = () => tenantKnex('a')('items').distinct().pluck('tenant')
        const seen = await Promise.all(Array.from({ length: 20 }, read))
        expect(seen.flat()).to.deep.equal(Array.from({ length: 20 }, () => 'a'))
        expect(asked).to.deep.equal(['a'])
        expect(tenantKnex('a').tenant).to.deep.include({ id: 'a', database: databaseOf('a') })
      }))

    it('when a transaction, a stream and an ambient query come first, then they are in place', () =>
      withCatalog(async ({ tenantKnex }) => {
        const whose = await tenantKnex('a').transaction((trx) =>
          trx<Item>('items').distinct().pluck('tenant'),
        )
        expect(whose).to.deep.equal(['a'])
        tenantKnex.forget('a')
        for await (const row of tenantKnex('a')('items').stream()) expect(row.tenant).to.equal('a')
        tenantKnex.forget('b')
        const ambient = () => tenantKnex.ambient('items').distinct().pluck('tenant')
        expect(await tenantKnex.run('b', ambient)).to.deep.equal(['b'])
      }))

    it('when SQL that names the database is only made, then it says that the name is not known', () =>
      withCatalog(async ({ tenantKnex, databaseOf }) => {
        const own = () => tenantKnex('a').withSchema(databaseOf('a')).from('items').toString()
        const error = thrown(own)
        expect(error).to.include({ code: 'ERR_TENANT_NOT_LOCATED', tenant: 'a' })
        expect(thrown(() => tenantKnex('a').client.database()).code).to.equal(error.code)
        expect(await tenantKnex.lookup('a')).to.deep.equal({ id: 'a', database: databaseOf('a') })
        expect(own()).to.contain(databaseOf('a'))
        expect(tenantKnex('a').client.database()).to.equal(databaseOf('a'))
      }))

    it('when a query names its own database or asks for columns, then it is located in time', () =>
      withCatalog(async ({ tenantKnex, databaseOf }) => {
        expect(await tenantKnex('a')('items').columnInfo()).to.have.keys('id', 'tenant', 'val')
        expect(await tenantKnex('b').schema.hasColumn('items', 'val')).to.equal(true)
        tenantKnex.forget('a')
        const rows = await tenantKnex('a').withSchema(databaseOf('a')).from('items')
        expect(rows[0].tenant).to.equal('a')
        const other = tenantKnex('a').withSchema(databaseOf('b')).from('items')
        expect((await rejection(other)).code).to.equal('ERR_WRONG_TENANT')
      }))
  })

  describe('given a tenant that there is not', () => {
    it('when it is used, then that is said, nothing is made and the pool stays well', () =>
      withCatalog(async ({ tenantKnex, asked, connectionsSeen }) => {
        const none = tenantKnex('none')
        const failures = [
          none('items').select(),
          none.transaction(async () => undefined),
          tenantKnex.lookup('none'),
        ]
        for (const failure of failures) {
          expect(await rejection(failure)).to.include({
            code: 'ERR_TENANT_UNKNOWN',
            tenant: 'none',
            outcome: 'not-sent',
          })
        }
        expect(asked).to.deep.equal(['none'])
        expect(await connectionsSeen()).to.equal(0)
        expect(await tenantKnex('a')('items').distinct().pluck('tenant')).to.deep.equal(['a'])
      }))

    it('when it has been made and is forgotten, then it is found', () =>
      withCatalog(
        async ({ tenantKnex, places, databaseOf }) => {
          expect((await rejection(tenantKnex.lookup('c'))).code).to.equal('ERR_TENANT_UNKNOWN')
          places.set('c', databaseOf('c'))
          expect((await rejection(tenantKnex.lookup('c'))).code).to.equal('ERR_TENANT_UNKNOWN')
          tenantKnex.forget('c')
          expect((await tenantKnex.lookup('c')).database).to.equal(databaseOf('c'))
        },
        { tenants: ['a', 'b', 'c'] },
      ))
  })

  describe('given a look-up that is down', () => {
    it('when a tenant is used, then it fails with the cause, and works again later', () =>
      withCatalog(async (catalog) => {
        const { tenantKnex } = catalog
        catalog.failure = new Error('the catalog is down')
        const error = await rejection(tenantKnex('a')('items').select())
        expect(error).to.include({ code: 'ERR_LOOKUP_FAILED', tenant: 'a', outcome: 'not-sent' })
        expect(error.cause).to.equal(catalog.failure)
        catalog.failure = undefined
        tenantKnex.forget('a')
        expect(await tenantKnex('a')('items').distinct().pluck('tenant')).to.deep.equal(['a'])
      }))

    it('when it never answers, then the query fails in the time that `lookup` gives', () =>
      withTenants(
        server,
        { database: () => new Promise<never>(() => undefined), lookup: { timeoutMillis: 30 } },
        async ({ tenantKnex }) => {
          const { code } = await rejection(tenantKnex('a')('items').select())
          expect(code).to.equal('ERR_LOOKUP_FAILED')
        },
      ))

    it('when it gives what is no name, then that is said', () =>
      withTenants(server, { database: (async () => 7) as never }, async ({ tenantKnex }) => {
        const { code } = await rejection(tenantKnex('a')('items').select())
        expect(code).to.equal('ERR_DATABASE_NAME_INVALID')
      }))
  })

  describe('given a tenant that has moved', () => {
    it('when it is forgotten, then the same Knex reads from the new place', () =>
      withCatalog(
        async ({ tenantKnex, places, databaseOf, admin }) => {
          const a = tenantKnex('a')
          await a('items').update({ val: 1 })
          await admin.query(`UPDATE ${databaseOf('c')}.items SET tenant = 'a', val = 2`)
          places.set('a', databaseOf('c'))
          expect(await a('items').distinct().pluck('val')).to.deep.equal([1])
          tenantKnex.forget('a')
          expect(a.tenant.database).to.equal(null)
          expect(tenantKnex('a')).to.equal(a)
          expect(await a('items').distinct().pluck('val')).to.deep.equal([2])
          expect(a.tenant.database).to.equal(databaseOf('c'))
        },
        { tenants: ['a', 'b', 'c'] },
      ))

    it('when what is known of it is too old, then it is found in its new place', () =>
      withCatalog(
        async ({ tenantKnex, places, databaseOf }) => {
          expect(await tenantKnex('a')('items').distinct().pluck('tenant')).to.deep.equal(['a'])
          places.set('a', databaseOf('c'))
          expect(await tenantKnex('a')('items').distinct().pluck('tenant')).to.deep.equal(['c'])
        },
        { tenants: ['a', 'b', 'c'], lookup: { ttlMillis: 0 } },
      ))

    it('when a transaction is open, then that stays where it has begun', () =>
      withCatalog(
        async ({ tenantKnex, places, databaseOf }) => {
          const a = tenantKnex('a')
          const trx = await a.transaction()
          await trx('items').update({ val: 7 })
          places.set('a', databaseOf('c'))
          tenantKnex.forget('a')
          expect(await a('items').distinct().pluck('tenant')).to.deep.equal(['c'])
          expect(await trx('items').distinct().pluck('val')).to.deep.equal([7])
          await trx.commit()
          places.set('a', databaseOf('a'))
          tenantKnex.forget('a')
          expect(await a('items').distinct().pluck('val')).to.deep.equal([7])
        },
        { tenants: ['a', 'b', 'c'] },
      ))

    it('when a transaction is open, then builders in it may name its database, and not the new one', () =>
      withCatalog(
        async ({ tenantKnex, places, databaseOf }) => {
          const [before, now] = [databaseOf('a'), databaseOf('c')]
          const a = tenantKnex('a')
          await a.transaction(async (trx) => {
            await moveTo(tenantKnex, places, 'a', now)
            const naming: Record<string, (database: string) => PromiseLike<unknown>> = {
              table: (database) => trx(`${database}.items`),
              withSchema: (database) => trx('items').withSchema(database),
              join: (database) => trx('items').join(`${database}.items as i`, 'i.id', 'items.id'),
              'sub-query': (database) =>
                trx('items').whereIn('id', (query) => {
                  query.select('id').from(`${database}.items`)
                }),
              'sub-query of its Knex': (database) =>
                trx('items').whereExists(a(`${database}.items`)),
              'text of a builder': (database) =>
                trx('items').joinRaw(a(`${database}.items`).as('i') as never),
              schema: (database) => trx.schema.withSchema(database).hasTable('items'),
              'foreign key': (database) =>
                trx.schema.createTable('a_child', (table) => {
                  table.integer('id').references('id').inTable(`${database}.parents`)
                }),
            }
            for (const [name, use] of Object.entries(naming)) {
              const error = await rejection((async () => use(now))())
              expect(error, name).to.include({ code: 'ERR_WRONG_TENANT', tenant: 'a' })
              expect(error.message, name).to.include(`"${before}"`)
            }
            const reading = ['table', 'withSchema', 'sub-query', 'sub-query of its Knex', 'schema']
            for (const name of reading) await naming[name]?.(before)
            expect(await trx.transaction((inner) => inner(`${before}.items`))).to.have.length(5)
          })
        },
        { tenants: ['a', 'b', 'c'] },
      ))

    it('when a transaction is open, then it describes the database that it is in', () =>
      withCatalog(
        async ({ tenantKnex, places, databaseOf, admin }) => {
          await admin.query(`ALTER TABLE ${databaseOf('c')}.items ADD COLUMN added INT`)
          const trx = await tenantKnex('a').transaction()
          tenantKnex.forget('a')
          expect(trx.client.database()).to.equal(databaseOf('a'))
          expect(await trx('items').columnInfo()).not.to.have.property('added')
          await moveTo(tenantKnex, places, 'a', databaseOf('c'))
          expect(trx.client.database()).to.equal(databaseOf('a'))
          expect(await trx('items').columnInfo()).not.to.have.property('added')
          expect(await tenantKnex('a')('items').columnInfo()).to.have.property('added')
          await trx.schema.table('items', (table) => table.renameColumn('val', 'value'))
          await trx.commit()
          expect(await columnsOf(admin, databaseOf('a'))).to.include('value')
          expect(await columnsOf(admin, databaseOf('c'))).not.to.include('value')
        },
        { tenants: ['a', 'b', 'c'] },
      ))

    it('when it is forgotten or moves after it got its connection, then that tells where a query runs', () =>
      withCatalog(
        async ({ tenantKnex, places, databaseOf, admin }) => {
          await admin.query(`ALTER TABLE ${databaseOf('c')}.items ADD COLUMN added INT`)
          const a = tenantKnex('a')
          a.client.pool.on('acquireSuccess', () => tenantKnex.forget('a'))
          expect(await a('items').columnInfo()).to.have.property('val')
          places.set('a', databaseOf('c'))
          const query = a('items').withSchema(databaseOf('c'))
          expect(await query.clone()).to.have.length(5)
          expect(await query.clone().columnInfo()).to.have.property('added')
          await tenantKnex.lookup('a')
          expect(query.toSQL().sql).to.include(databaseOf('c'))
        },
        { tenants: ['a', 'b', 'c'] },
      ))

    it('when it is forgotten while it is asked for, then the late answer is not its database', () => {
      const answers: ((database: string) => void)[] = []
      const database = async () => new Promise<string>((resolve) => answers.push(resolve))
      return withTenants(server, { database }, async ({ tenantKnex, databaseOf }) => {
        const a = tenantKnex('a')
        const late = a('items').distinct().pluck('tenant').then()
        await until('it is asked for', () => answers.length === 1)
        tenantKnex.forget('a')
        answers[0]?.(databaseOf('a'))
        expect(await late).to.deep.equal(['a'])
        expect(a.tenant.database).to.equal(null)
        const next = a('items').distinct().pluck('tenant').then()
        await until('it is asked for again', () => answers.length === 2)
        answers[1]?.(databaseOf('c'))
        expect(await next).to.deep.equal(['c'])
        expect(a.tenant.database).to.equal(databaseOf('c'))
      })
    })

    it('when another tenant comes to its old place too early, then that is refused', () =>
      withCatalog(async ({ tenantKnex, places, databaseOf }) => {
        await tenantKnex('a')('items').select()
        places.set('b', databaseOf('a'))
        const error = await rejection(tenantKnex('b')('items').select())
        expect(error).to.include({ code: 'ERR_DATABASE_SHARED', tenant: 'b' })
        expect(error.message).to.contain('"a"').and.contain('"b"')
      }))
  })

  describe('given a tenant that is renamed', () => {
    const rename = ({ tenantKnex, places, databaseOf }: TestTenants & Catalog): void => {
      places.delete('a')
      places.set('b', databaseOf('a'))
      for (const id of ['a', 'b']) tenantKnex.forget(id)
    }
    const read = ({ tenantKnex }: TestTenants) =>
      tenantKnex('b')('items').distinct().pluck('tenant')

    it('when both ids are forgotten and nothing is open, then the new one has its database', () =>
      withCatalog(async (context) => {
        const { tenantKnex } = context
        const old = tenantKnex('a')
        await old('items').select()
        await tenantKnex('b')('items').select()
        rename(context)
        expect(await read(context)).to.deep.equal(['a'])
        expect((await rejection(old('items'))).code).to.equal('ERR_TENANT_UNKNOWN')
      }))

    it('when something is open, then the new one is refused until that has ended', () =>
      withCatalog(async (context) => {
        const { tenantKnex } = context
        const trx = await tenantKnex('a').transaction()
        rename(context)
        expect((await rejection(read(context))).code).to.equal('ERR_DATABASE_SHARED')
        await trx.commit()
        await until('it has ended', () => tenantKnex.stats().servers[0].used === 0)
        expect(await read(context)).to.deep.equal(['a'])
      }))

    it('when a query waits for a connection, then the new one is refused until that has ended', () =>
      withCatalog(
        async (context) => {
          const { tenantKnex } = context
          await tenantKnex('a')('items').select()
          const trx = await tenantKnex('b').transaction()
          const waiting = tenantKnex('a')('items').select().then()
          await until('it waits', () => tenantKnex.stats().servers[0].waiting === 1)
          rename(context)
          expect((await rejection(read(context))).code).to.equal('ERR_DATABASE_SHARED')
          await trx.commit()
          await waiting
          await until('it has ended', () => tenantKnex.stats().servers[0].used === 0)
          expect(await read(context)).to.deep.equal(['a'])
        },
        { pool: { max: 1 } },
      ))

    it('when it was found in another place, then its old one is free without `forget`', () =>
      withCatalog(
        async (context) => {
          const { tenantKnex, places, databaseOf } = context
          await tenantKnex('a')('items').select()
          places.set('a', databaseOf('c'))
          places.set('b', databaseOf('a'))
          expect(await tenantKnex('a')('items').distinct().pluck('tenant')).to.deep.equal(['c'])
          expect(await read(context)).to.deep.equal(['a'])
        },
        { lookup: { ttlMillis: 0 } },
      ))
  })

  it('is taken for one also where it is not declared async', () => {
    const places = new Map<string, string>()
    return withTenants(
      server,
      { database: (id) => Promise.resolve(places.get(id) ?? null) },
      async ({ tenantKnex, databaseOf }) => {
        for (const id of ['a', 'b']) places.set(id, databaseOf(id))
        expect(tenantKnex('a').tenant.database).to.equal(null)
        for (const id of ['a', 'b']) {
          expect(await tenantKnex(id)('items').distinct().pluck('tenant')).to.deep.equal([id])
        }
      },
    )
  })

  it('may fail while a Knex is taken', () =>
    withTenants(
      server,
      { database: () => Promise.reject(new Error('down')) },
      async ({ tenantKnex }) => {
        expect(tenantKnex('a').tenant.database).to.equal(null)
        expect((await rejection(tenantKnex('a')('items'))).code).to.equal('ERR_LOOKUP_FAILED')
      },
    ))
})

onEachServer('a `database` function that gives a thenable', (server) => {
  type Give = (name: string) => void
  const thenable = (then: PropertyDescriptor, of: object = {}): object =>
    Object.defineProperty(of, 'then', then)
  const thenables: [string, (name: string) => object][] = [
    ['that gives it at once', (name) => thenable({ value: (give: Give) => give(name) })],
    ['that is a function', (name) => thenable({ value: (give: Give) => give(name) }, () => 1)],
    [
      'that gives it later, and something else after that',
      (name) =>
        thenable({ value: (give: Give) => void setTimeout(() => [give(name), give('x')], 1) }),
    ],
  ]
  for (const [title, make] of thenables) {
    it(`is asked for the place: one ${title}`, () => {
      let nameOf: (id: string) => string = (id) => id
      const database = (id: string) => make(nameOf(id)) as never
      return withTenants(server, { database }, async ({ tenantKnex, databaseOf }) => {
        nameOf = databaseOf
        expect(tenantKnex('a').tenant.database).to.equal(null)
        expect(await tenantKnex('a')('items').distinct().pluck('tenant')).to.deep.equal(['a'])
      })
    })
  }

  const failure = new Error('no')
  const fail = (): never => {
    throw failure
  }
  const failing: [string, object][] = [
    ['throws', thenable({ value: fail })],
    ['has a `then` that cannot be read', thenable({ get: fail })],
    [
      'rejects',
      thenable({ value: (_: unknown, reject: (error: Error) => void) => reject(failure) }),
    ],
  ]
  for (const [title, given] of failing) {
    it(`tells of one that ${title} when the place is needed`, () =>
      withTenants(server, { database: () => given as never }, async ({ tenantKnex }) => {
        expect(tenantKnex('a').tenant.database).to.equal(null)
        const error = await rejection(tenantKnex('a')('items'))
        expect(error).to.include({ code: 'ERR_LOOKUP_FAILED', cause: failure })
      }))
  }
})

onEachServer('a synchronous `database` function', (server) => {
  it('may give the database of a tenant that is forgotten to another one', () => {
    const places = new Map<string, string>()
    return withTenants(server, { database: (id) => places.get(id) ?? null }, async (context) => {
      const { tenantKnex, databaseOf } = context
      places.set('a', databaseOf('a'))
      const a = tenantKnex('a')
      const trx = await a.transaction()
      places.set('b', databaseOf('a'))
      expect(thrown(() => tenantKnex('b')).code, 'not forgotten').to.equal('ERR_DATABASE_SHARED')
      tenantKnex.forget('a')
      expect(thrown(() => tenantKnex('b')).code, 'in use').to.equal('ERR_DATABASE_SHARED')
      await trx.commit()
      await until('it has ended', () => tenantKnex.stats().servers[0].used === 0)
      expect(await tenantKnex('b')('items').distinct().pluck('tenant')).to.deep.equal(['a'])
      expect((await rejection(a('items'))).code).to.equal('ERR_DATABASE_SHARED')
      tenantKnex.forget('b')
      expect(await a('items').distinct().pluck('tenant')).to.deep.equal(['a'])
      expect((await rejection(tenantKnex('b')('items'))).code).to.equal('ERR_DATABASE_SHARED')
    })
  })

  it('may know no such tenant', () =>
    withTenants(server, { database: (id) => (id === 'a' ? 'a' : null) }, async ({ tenantKnex }) => {
      expect(tenantKnex('a').tenant.database).to.equal('a')
      expect(thrown(() => tenantKnex('b'))).to.include({ code: 'ERR_TENANT_UNKNOWN', tenant: 'b' })
    }))

  it('is answered by lookup() as well', () =>
    withTenants(server, {}, async ({ tenantKnex, databaseOf }) => {
      expect(await tenantKnex.lookup('a')).to.equal(tenantKnex('a').tenant)
      expect(await tenantKnex.lookup('a')).to.deep.equal({ id: 'a', database: databaseOf('a') })
      expect((await rejection(tenantKnex.lookup(''))).code).to.equal('ERR_TENANT_ID_INVALID')
    }))
})

onEachServer('forget()', (server) => {
  it('closes the idle connections of a tenant, and no other', () =>
    withTenants(server, { pool: { max: 4, maxPerTenant: 4 } }, async ({ tenantKnex }) => {
      const hold = (id: string) => tenantKnex(id).transaction()
      const held = await Promise.all([hold('a'), hold('a'), hold('b')])
      const used = await hold('a')
      await Promise.all(held.map((trx) => trx.commit()))
      await until('all but one are idle', () => tenantKnex.stats().servers[0].idle === 3)
      tenantKnex.forget('a')
      const left = tenantKnex.connections().map(({ tenant, state }) => `${tenant} ${state}`)
      expect(left).to.have.members(['b idle', 'a used'])
      await used('items').select()
      await used.commit()
      expect(await tenantKnex('a')('items').distinct().pluck('tenant')).to.deep.equal(['a'])
    }))

  it('refuses what is no id', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      expect(thrown(() => tenantKnex.forget(7 as never)).code).to.equal('ERR_TENANT_ID_INVALID')
    }))
})

/** What a catalog knows, and what it was asked. */
interface Catalog {
  readonly asked: string[]
  readonly places: Map<string, string>
  failure: Error | undefined
}

/** Lets a tenant be found in another place. */
async function moveTo(
  tenantKnex: TenantKnex,
  places: Map<string, string>,
  id: string,
  database: string,
): Promise<void> {
  places.set(id, database)
  tenantKnex.forget(id)
  await tenantKnex.lookup(id)
}

async function columnsOf(admin: Connection, database: string): Promise<string[]> {
  const sql =
    'SELECT COLUMN_NAME AS name FROM information_schema.columns WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?'
  const [rows] = await admin.query<RowDataPacket[]>(sql, [database, 'items'])
  return rows.map(({ name }) => name as string)
}
