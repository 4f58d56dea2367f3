import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect } from 'chai'
import knexPackage from 'knex'
import { Model, mixin, QueryBuilder, type QueryContext, ref, transaction } from 'objection'
import { forTenants } from '../../../src/adapters/objection.ts'
import { type BoundKnex, createTenantKnex, type TenantKnex } from '../../../src/index.ts'
import {
  onEachServer,
  rejection,
  type TestServer,
  type TestTenants,
  thrown,
  withTenants,
} from '../../support/tenants.ts'
import { contents, createTables, defineModels, type Models, refill } from './objection-models.ts'

const TENANTS = ['a', 'b'] as const
const PARALLEL = 200

/** Members that Objection's types lack. */
type Transacting = Model & { $transaction(callback: () => Promise<unknown>): unknown }

type Child = { childQueryOf(parent: object): object; knex(knex: object): object }

interface TestModels extends TestTenants, Models {
  readonly Base: typeof Model
}

/** Runs a test with tenants a and b, and one set of model classes for both. */
function withModels(
  server: TestServer,
  test: (context: TestModels) => Promise<void>,
): Promise<void> {
  return withTenants(server, { tenants: TENANTS }, async (context) => {
    const { tenantKnex } = context
    for (const id of TENANTS) await createTables(tenantKnex(id))
    class Base extends forTenants(tenantKnex)(Model) {}
    await test({ ...context, Base, ...defineModels(Base) })
  })
}

/** Fails unless a test leaves the tables of tenant b as they were. */
function withoutTouchingB(
  server: TestServer,
  test: (context: TestModels) => Promise<void>,
): Promise<void> {
  return withModels(server, async (context) => {
    const b = context.tenantKnex('b')
    const before = await contents(b)
    await test(context)
    expect(await contents(b)).to.deep.equal(before)
  })
}

/** The kinds of queries. Each is created in one scope and awaited in another. */
const QUERIES: Record<string, (models: Models) => PromiseLike<unknown>> = {
  'query()': ({ Person }) => Person.query(),
  'findById()': ({ Person }) => Person.query().findById(1),
  'first()': ({ Person }) => Person.query().orderBy('id').first(),
  'QueryBuilder.forClass()': ({ Person }) =>
    (Person as unknown as { QueryBuilder: typeof QueryBuilder }).QueryBuilder.forClass(Person)
      .findById(2)
      .delete(),
  'page()': ({ Person }) => Person.query().orderBy('id').page(0, 1),
  'resultSize()': ({ Person }) => Person.query().resultSize(),
  'where() with functions': ({ Person }) =>
    Person.query().where((query) => query.where('id', 1).orWhere('id', 2)),
  'a modifier': ({ Person }) => Person.query().modify('withPet'),
  'withGraphFetched()': ({ Person }) =>
    Person.query().orderBy('id').withGraphFetched('[parent, pets, films]'),
  'withGraphJoined()': ({ Person }) =>
    Person.query().orderBy('persons.id').withGraphJoined('[parent.pets, pets, films]'),
  'modifyGraph()': ({ Person, Pet }) =>
    Person.query()
      .withGraphFetched('pets')
      .modifyGraph('pets', (pets) => pets.whereIn('id', Pet.query().select('id'))),
  'joinRelated()': ({ Person }) => Person.query().joinRelated('[pets, films]').select('persons.*'),
  'relatedQuery()': ({ Person }) => Person.relatedQuery('films').for([1, 2]),
  'relatedQuery() of a query': ({ Person }) =>
    Person.relatedQuery('pets').for(Person.query().where('id', 1)),
  'relatedQuery() as a sub-query': ({ Person }) =>
    Person.query().select('name', Person.relatedQuery('pets').count().as('pets')),
  'fetchGraph()': ({ Person }) =>
    Person.fetchGraph(Person.fromJson({ id: 1, name: 'x' }), '[pets, films]'),
  'a raw sub-query': ({ Person }) =>
    Person.query().where('id', Person.raw('(?)', Person.query().min('id'))),
  'ref() and fn': ({ Person }) =>
    Person.query()
      .where(ref('persons.id'), '>', 1)
      .select('name', Person.fn.coalesce(Person.ref('age'), 7).as('age')),
  'insert()': ({ Person }) => Person.query().insert({ name: 'new' }),
  'insertAndFetch()': ({ Person }) => Person.query().insertAndFetch({ name: 'new' }),
  'patch()': ({ Person }) => Person.query().patch({ age: 3 }).where('id', 1),
  'patch() with a sub-query of the same table': ({ Person }) =>
    Person.query().patch({ age: 3 }).whereIn('id', Person.query().select('id')),
  'patchAndFetchById()': ({ Person }) => Person.query().patchAndFetchById(1, { age: 3 }),
  'increment()': ({ Person }) => Person.query().increment('age', 1),
  'delete()': ({ Pet }) => Pet.query().delete(),
  'deleteById()': ({ Pet }) => Pet.query().deleteById(1),
  'insertGraph()': ({ Person }) =>
    Person.query().insertGraph({
      name: 'new',
      pets: [{ name: 'new' }],
      films: [{ name: 'new', role: 'new' }],
    }),
  'upsertGraph()': ({ Person }) =>
    Person.query().upsertGraph(
      { id: 1, name: 'changed', pets: [{ name: 'new' }], films: [{ id: 1, role: 'changed' }] },
      { insertMissing: true },
    ),
  'upsertGraphAndFetch()': ({ Person }) =>
    Person.query().upsertGraphAndFetch({ id: 1, pets: [], films: [{ name: 'new' }] }),
  'relate()': ({ Person }) => Person.relatedQuery('films').for(2).relate(1),
  'unrelate()': ({ Person }) => Person.relatedQuery('films').for(1).unrelate(),
  'insert() into a relation': ({ Person }) =>
    Person.relatedQuery('films').for(2).insert({ name: 'new' }),
  'patch() of a relation': ({ Person }) =>
    Person.relatedQuery('films').for(1).patch({ name: 'x', role: 'changed' }),
  'delete() of a relation': ({ Person }) => Person.relatedQuery('pets').for(1).delete(),
}

onEachServer('models bound by bindKnex(tenantKnex(id))', (server) => {
  /** The models of an application without the mixin. */
  function withBound(
    test: (tenantKnex: TenantKnex, bound: (tenantId: string) => Models) => Promise<void>,
  ): Promise<void> {
    return withTenants(server, { tenants: TENANTS }, async ({ tenantKnex }) => {
      for (const id of TENANTS) await createTables(tenantKnex(id))
      const { Person, Pet, Film } = defineModels(Model)
      await test(tenantKnex, (tenantId) => {
        const knex = tenantKnex(tenantId)
        return {
          Person: Person.bindKnex(knex),
          Pet: Pet.bindKnex(knex),
          Film: Film.bindKnex(knex),
        }
      })
    })
  }

  it('are the same class each time, and another for another tenant', () =>
    withBound(async (_, bound) => {
      expect(bound('a').Person).to.equal(bound('a').Person)
      expect(bound('a').Person).not.to.equal(bound('b').Person)
    }))

  it('stay with their tenant, whatever the query', () =>
    withBound(async (tenantKnex, bound) => {
      const before = await contents(tenantKnex('b'))
      for (const [title, query] of Object.entries(QUERIES)) {
        await refill(tenantKnex('a'))
        expect(JSON.stringify(await query(bound('a'))), title).not.to.include('of b')
        expect(await contents(tenantKnex('b')), title).to.deep.equal(before)
      }
    }))

  it('write nothing when a transaction of theirs is rolled back', () =>
    withBound(async (tenantKnex, bound) => {
      const before = await contents(tenantKnex('a'))
      const { Person } = bound('a')
      const failure = new Error('no')
      const error = await rejection(
        Person.transaction(async (trx) => {
          await Person.query(trx).insertGraph({ name: 'new', pets: [{ name: 'new' }] })
          expect(await Person.query(trx).resultSize()).to.equal(3)
          throw failure
        }),
      )
      expect(error).to.equal(failure)
      expect(await contents(tenantKnex('a'))).to.deep.equal(before)
    }))

  it('refuse a query of another tenant as a sub-query', () =>
    withBound(async (_, bound) => {
      const query = bound('a').Person.query().whereIn('id', bound('b').Person.query().select('id'))
      expect(await rejection(query)).to.have.property('code', 'ERR_WRONG_TENANT')
    }))

  it(`never mix in ${PARALLEL} parallel requests`, () =>
    withBound(async (_, bound) => {
      const request = async (_: unknown, index: number): Promise<void> => {
        const tenant = TENANTS[index % 2] as string
        const { Person } = bound(tenant)
        const graph = await Person.query().findById(1).withGraphFetched('[pets, films]')
        expect(graph?.toJSON()).to.deep.include(graphOf(tenant))
      }
      await Promise.all(Array.from({ length: PARALLEL }, request))
    }))
})

onEachServer('models made by forTenants()', (server) => {
  describe('a query made in one scope', () => {
    it('stays with its tenant in another’s scope and outside any, whatever the query', () =>
      withModels(server, async ({ tenantKnex, ...models }) => {
        const before = await contents(tenantKnex('b'))
        for (const [title, query] of Object.entries(QUERIES)) {
          const make = () => tenantKnex.run('a', () => ({ query: query(models) }))
          await refill(tenantKnex('a'))
          const inside = await make()
          const there = await tenantKnex.run('b', async () => await inside.query)
          await refill(tenantKnex('a'))
          const outside = await make()
          const nowhere = await outside.query
          expect(JSON.stringify([there, nowhere]), title).not.to.include('of b')
          expect(await contents(tenantKnex('b')), title).to.deep.equal(before)
        }
      }))

    it('gives what the scope it was made in has', () =>
      withModels(server, async ({ tenantKnex, Person }) => {
        const { query } = await tenantKnex.run('a', () => ({
          query: Person.query().findById(1).withGraphJoined('[pets, films]'),
        }))
        const graph = await tenantKnex.run('b', async () => await query)
        expect(graph?.toJSON()).to.deep.include(graphOf('a'))
      }))

    it('compiles to a query of its tenant, in any scope and outside', () =>
      withModels(server, async ({ tenantKnex, Person }) => {
        const { query } = await tenantKnex.run('a', () => ({
          query: Person.query()
            .select('name')
            .onBuild((query) => void query.whereIn('id', Person.query().min('id'))),
        }))
        const compile = () => {
          expect(query.hasWheres()).to.equal(true)
          return { compiled: query.clone().toKnexQuery() }
        }
        const there = await tenantKnex.run('b', compile)
        for (const { compiled } of [there, compile()]) {
          expect(await compiled).to.deep.equal([{ name: 'Ada of a' }])
        }
        expect(await tenantKnex.run('b', async () => await query.resultSize())).to.equal(1)
      }))
  })

  it('forTenants takes a tenantKnex only, and says so at once', () =>
    withTenants(server, { tenants: ['a'] }, async ({ tenantKnex }) => {
      for (const given of [undefined, null, {}, tenantKnex('a'), tenantKnex.ambient]) {
        const error = thrown(() => forTenants(given as never))
        expect(error.code).to.equal('ERR_OPTION_INVALID')
        expect(error.message).to.match(/^`forTenants` takes the tenantKnex/)
      }
    }))

  describe('with no tenant in scope', () => {
    const ENTRIES: Record<string, (models: Models) => unknown> = {
      'query()': ({ Person }) => Person.query(),
      'QueryBuilder.forClass()': (models) => QUERIES['QueryBuilder.forClass()']?.(models),
      'relatedQuery()': ({ Person }) => Person.relatedQuery('pets'),
      'fetchGraph()': ({ Person }) => Person.fetchGraph([], 'pets'),
      'knex()': ({ Person }) => Person.knex(),
      'knexQuery()': ({ Person }) => Person.knexQuery(),
      'transaction()': ({ Person }) => Person.transaction(async () => undefined),
      'startTransaction()': ({ Person }) => Person.startTransaction(),
      'fetchTableMetadata()': ({ Person }) => Person.fetchTableMetadata(),
      'tableMetadata()': ({ Person }) => Person.tableMetadata(),
      '$query()': ({ Person }) => Person.fromJson({ id: 1 }).$query(),
      '$relatedQuery()': ({ Person }) => Person.fromJson({ id: 1 }).$relatedQuery('pets'),
      '$fetchGraph()': ({ Person }) => Person.fromJson({ id: 1 }).$fetchGraph('pets'),
      '$transaction()': ({ Person }) =>
        (Person.fromJson({ id: 1 }) as Transacting).$transaction(async () => 1),
    }
    for (const [title, enter] of Object.entries(ENTRIES)) {
      it(`${title} throws ERR_NO_TENANT at once`, () => {
        const tenantKnex = createTenantKnex({ connection: server.url })
        const models = defineModels(forTenants(tenantKnex)(Model))
        expect(thrown(() => enter(models))).to.have.property('code', 'ERR_NO_TENANT')
      })
    }

    it('models can be made, cloned, compared and walked through', () =>
      withModels(server, async ({ Person }) => {
        const person = Person.fromJson({ id: 1, name: 'x', pets: [{ name: 'y' }] })
        expect(person.$clone()).to.deep.equal(person)
        expect(Person.fromDatabaseJson({ id: 1 }).toJSON()).to.deep.equal({ id: 1 })
        const seen: string[] = []
        await Person.traverseAsync(person, async (model) => {
          seen.push(model.constructor.name)
        })
        expect(seen).to.deep.equal(['Person', 'Pet'])
      }))
  })

  describe('a Knex or transaction that is given', () => {
    it('says the tenant, in any scope and outside', () =>
      withModels(server, async ({ tenantKnex, Person }) => {
        const readA = () =>
          Person.query(tenantKnex('a')).findById(1).withGraphFetched('[pets, films]')
        for (const graph of [await readA(), await tenantKnex.run('b', readA)]) {
          expect(graph?.toJSON()).to.deep.include(graphOf('a'))
        }
        await tenantKnex.run('b', async () => {
          const related = await Person.relatedQuery('pets', tenantKnex('a')).for(1)
          expect(related.map(({ name }) => name)).to.deep.equal(['Rex of a'])
        })
      }))

    it('as a transaction holds all that a graph needs, and rolls it back', () =>
      withModels(server, async ({ tenantKnex, Person }) => {
        const before = await contents(tenantKnex('a'))
        const trx = await tenantKnex('a').transaction()
        const graph = { name: 'new', pets: [{ name: 'p' }], films: [{ name: 'f', role: 'r' }] }
        const { id } = await tenantKnex.run('b', async () => Person.query(trx).insertGraph(graph))
        const read = await Person.query(trx).findById(id).withGraphJoined('[pets, films]')
        expect(read?.films[0]).to.include({ name: 'f', role: 'r' })
        await trx.rollback()
        expect(await contents(tenantKnex('a'))).to.deep.equal(before)
      }))

    it('may be tenantKnex.ambient: then it is the tenant in scope when the query is made', () =>
      withModels(server, async ({ tenantKnex, Person }) => {
        const { query } = await tenantKnex.run('a', () => ({
          query: Person.query(tenantKnex.ambient).findById(1),
        }))
        const person = await tenantKnex.run('b', async () => await query)
        expect(person?.name).to.equal('Ada of a')
      }))

    it('is refused when a plain Knex or one of another tenantKnex', () =>
      withModels(server, async ({ Person, url, databaseOf }) => {
        const other = createTenantKnex({ connection: url, database: databaseOf })
        const plain = knexPackage({ client: 'mysql2', connection: `${url}${databaseOf('a')}` })
        for (const knex of [other('a'), plain]) {
          const error = thrown(() => Person.query(knex))
          expect(error).to.include({ code: 'ERR_WRONG_TENANT', outcome: 'not-sent' })
          expect(thrown(() => Person.bindKnex(knex))).to.have.property('code', 'ERR_WRONG_TENANT')
        }
        await plain.destroy()
        await other.destroy()
      }))

    it('of another tenant cannot be put into a query that has its tenant', () =>
      withModels(server, async ({ tenantKnex, Person }) => {
        const trx = await tenantKnex('b').transaction()
        await tenantKnex.run('a', async () => {
          const query = Person.query().findById(1)
          const putIn = [() => query.transacting(trx), () => (query as unknown as Child).knex(trx)]
          for (const put of putIn) {
            expect(thrown(put)).to.include({ code: 'ERR_WRONG_TENANT', tenant: 'a' })
          }
          const person = await query.transacting(undefined as never)
          expect(person).to.include({ name: 'Ada of a' })
        })
        await trx.rollback()
      }))

    it('of another tenant does not come from a parent query either', () =>
      withModels(server, async ({ tenantKnex, Person, Pet }) => {
        const parent = Person.query(tenantKnex('b'))
        const error = await tenantKnex.run('a', () =>
          thrown(() => (Pet.query() as unknown as Child).childQueryOf(parent)),
        )
        expect(error).to.include({ code: 'ERR_WRONG_TENANT', tenant: 'a' })
      }))

    it('may be bound by bindKnex(): the bound classes are that tenant’s in any scope', () =>
      withModels(server, async ({ tenantKnex, Person }) => {
        const OfA = Person.bindKnex(tenantKnex('a'))
        const read = () => OfA.query().findById(1).withGraphFetched('[pets, films]')
        for (const graph of [await read(), await tenantKnex.run('b', read)]) {
          expect(graph?.toJSON()).to.deep.include(graphOf('a'))
        }
        expect(OfA.knex()).to.equal(tenantKnex('a'))
      }))

    it('may be tenantKnex.ambient for bindKnex() too: each tenant gets classes of its own', () =>
      withModels(server, async ({ tenantKnex, Person }) => {
        for (const bind of ['bindKnex', 'bindTransaction'] as const) {
          for (const id of TENANTS) {
            const read = () =>
              Person[bind](tenantKnex.ambient as never)
                .query()
                .findById(1)
            expect(await tenantKnex.run(id, read)).to.have.property('name', `Ada of ${id}`)
          }
          const error = thrown(() => Person[bind](tenantKnex.ambient as never))
          expect(error).to.have.property('code', 'ERR_NO_TENANT')
        }
      }))

    it('may be tenantKnex.ambient for knex() too: the class stays with the tenant in scope', () =>
      withModels(server, async ({ tenantKnex, Base }) => {
        class Inside extends Base {
          static override tableName = 'persons'
        }
        class Outside extends Inside {}
        await tenantKnex.run('a', () => Inside.knex(tenantKnex.ambient))
        Outside.knex(tenantKnex.ambient)
        for (const Person of [Inside, Outside]) {
          for (const id of TENANTS) {
            const person = await tenantKnex.run(id, () => Person.query().findById(1))
            expect(person).to.have.property('name', `Ada of ${id}`)
          }
          expect(thrown(() => Person.query())).to.have.property('code', 'ERR_NO_TENANT')
        }
      }))

    it('on Objection’s own Model does not become that of all tenants', () =>
      withModels(server, async ({ tenantKnex, Person }) => {
        Model.knex(tenantKnex('b'))
        try {
          expect(thrown(() => Person.query())).to.have.property('code', 'ERR_NO_TENANT')
          const person = await tenantKnex.run('a', () => Person.query().findById(1))
          expect(person?.name).to.equal('Ada of a')
        } finally {
          delete (Model as { $$knex?: unknown }).$$knex
        }
      }))
  })

  describe('transactions', () => {
    it('run in the tenant in scope, wherever their statements are awaited', () =>
      withoutTouchingB(server, async ({ tenantKnex, Person, Pet }) => {
        await tenantKnex.run('a', () =>
          Person.transaction(async (trx) => {
            const { id } = await Person.query(trx).insert({ name: 'new' })
            await tenantKnex.run('b', async () =>
              Pet.query(trx).insert({ name: 'p', owner_id: id }),
            )
          }),
        )
        expect(await tenantKnex('a')('pets').where({ name: 'p' })).to.have.length(1)
      }))

    it('in scope, begun by tenantKnex.transaction(), are joined by all queries, with hooks and graphs', () =>
      withoutTouchingB(server, async ({ tenantKnex, Base, Person, Pet }) => {
        class Hooked extends Base {
          static override tableName = 'pets'
          override async $afterInsert() {
            await Pet.query().insert({ name: 'hook' })
            await tenantKnex.ambient('pets').insert({ name: 'ambient' })
          }
        }
        const before = await contents(tenantKnex('a'))
        const undone = tenantKnex.run('a', () =>
          tenantKnex.transaction(async (trx) => {
            expect(Person.knex()).to.equal(trx)
            await Person.query().insertGraph({ name: 'new', pets: [{ name: 'p' }] } as object)
            await Hooked.query().insert({ name: 'x' } as object)
            await tenantKnex.run('b', () => Pet.query())
            const person = await Person.query().findOne({ name: 'new' }).withGraphFetched('pets')
            expect(person?.pets).to.have.lengthOf(1)
            await person?.$query().patch({ age: 9 })
            await Person.transaction(async (nested) =>
              Person.query(nested).insert({ name: 'nested' }),
            )
            await Person.fetchTableMetadata({ force: true } as object)
            expect(tenantKnex.stats().servers[0].used).to.equal(1)
            throw new Error('undone')
          }),
        )
        expect(await rejection(undone)).to.have.property('message', 'undone')
        expect(await contents(tenantKnex('a'))).to.deep.equal(before)
      }))

    it('in scope that have ended refuse a query, but not a row that is made a model', () =>
      withModels(server, async ({ tenantKnex, Person }) => {
        const { late } = await tenantKnex.run('a', () =>
          tenantKnex.transaction(async (trx) => {
            const query = Person.query()
            const work = async () => {
              while (!trx.isCompleted()) await nextTurn()
              const person = Person.fromDatabaseJson({ id: 1, name: 'n' })
              const used = tenantKnex.run('b', async () => person.$query())
              return [
                (await rejection((async () => Person.query())())).code,
                (await rejection(query)).code,
                (await rejection(used)).code,
              ]
            }
            return { late: work() }
          }),
        )
        expect(await late).to.deep.equal([
          'ERR_TRANSACTION_OVER',
          'ERR_TRANSACTION_OVER',
          'ERR_WRONG_TENANT',
        ])
      }))

    it('can be started and ended by hand', () =>
      withoutTouchingB(server, async ({ tenantKnex, Person }) => {
        const trx = await tenantKnex.run('a', () => Person.startTransaction())
        await tenantKnex.run('b', async () => Person.query(trx).insert({ name: 'new' }))
        await trx.commit()
        expect(await tenantKnex('a')('persons').where({ name: 'new' })).to.have.length(1)
      }))

    it('can bind models, as in objection.transaction(Model, callback)', () =>
      withoutTouchingB(server, async ({ tenantKnex, Person, Pet }) => {
        await tenantKnex.run('a', () =>
          transaction(Person, Pet, async (BoundPerson, BoundPet) => {
            const { id } = await BoundPerson.query().insert({ name: 'new' })
            await BoundPet.query().insert({ name: 'p', owner_id: id })
            await BoundPerson.query().findById(id).withGraphFetched('[pets, films]')
          }),
        )
        expect(await tenantKnex('a')('pets').where({ name: 'p' })).to.have.length(1)
      }))
  })

  it('knex() and knexQuery() are those of the tenant in scope', () =>
    withModels(server, async ({ tenantKnex, Person }) => {
      await tenantKnex.run('a', async (a) => {
        expect(Person.knex()).to.equal(a)
        expect(Person.fromJson({}).$knex()).to.equal(a)
        expect(await Person.knexQuery().where({ id: 1 }).pluck('name')).to.deep.equal(['Ada of a'])
      })
    }))

  describe('code that Objection calls while a query runs', () => {
    it('has the query’s tenant in scope: hooks of models and classes, runBefore, runAfter', () =>
      withModels(server, async ({ tenantKnex, Base, Pet }) => {
        const seen: string[] = []
        const note = async (what: string): Promise<void> => {
          await nextTurn()
          seen.push(`${what} ${tenantKnex.current().tenant.id}`)
          await Pet.query().insert({ name: what })
        }
        class Hooked extends Base {
          static override tableName = 'persons'
          declare name: string
          static override beforeInsert = () => note('beforeInsert')
          static override afterFind = () => note('afterFind')
          override $beforeInsert(_context: QueryContext) {
            return note('$beforeInsert')
          }
          override $afterInsert(_context: QueryContext) {
            return note('$afterInsert')
          }
        }
        const { queries } = await tenantKnex.run('a', () => ({
          queries: [
            Hooked.query().insert({ name: 'new' }),
            Hooked.query()
              .runBefore(() => note('runBefore'))
              .runAfter(() => note('runAfter')),
          ],
        }))
        await tenantKnex.run('b', async () => {
          for (const query of queries) await query
        })
        const noted = ['$beforeInsert', 'beforeInsert', '$afterInsert']
        noted.push('runBefore', 'runAfter', 'afterFind')
        expect(seen).to.have.members(noted.map((what) => `${what} a`))
        expect(await tenantKnex('a')('pets').whereIn('name', noted)).to.have.length(noted.length)
        expect(await tenantKnex('b')('pets').whereIn('name', noted)).to.deep.equal([])
      }))

    it('has the tenant of a given Knex in scope already while the query is made', () =>
      withModels(server, async ({ tenantKnex, Base, Pet }) => {
        class Owner extends Base {
          static override tableName = 'persons'
          static onCreateQuery(query: QueryBuilder<Model>) {
            query.whereIn('id', Pet.query().select('owner_id'))
          }
        }
        const OfA = Owner.bindKnex(tenantKnex('a'))
        const read = () => Promise.all([Owner.query(tenantKnex('a')), OfA.query()])
        for (const [given, bound] of [await read(), await tenantKnex.run('b', read)]) {
          expect(given).to.have.nested.property('[0].name', 'Ada of a')
          expect(bound).to.have.nested.property('[0].name', 'Ada of a')
        }
      }))

    it('leaves the scope of the code that awaited it as it was', () =>
      withModels(server, async ({ tenantKnex, Person }) => {
        await tenantKnex.run('b', async (b) => {
          await Person.query(tenantKnex('a'))
          expect(tenantKnex.current()).to.equal(b)
          await Person.query(tenantKnex('a')).then(() => expect(tenantKnex.current()).to.equal(b))
        })
      }))
  })

  describe('a query builder class of the application', () => {
    class NameQuery<M extends Model, R = M[]> extends QueryBuilder<M, R> {
      declare ArrayQueryBuilderType: NameQuery<M, M[]>
      declare SingleQueryBuilderType: NameQuery<M, M>
      declare MaybeSingleQueryBuilderType: NameQuery<M, M | undefined>
      declare NumberQueryBuilderType: NameQuery<M, number>
      declare PageQueryBuilderType: NameQuery<M, { results: M[]; total: number }>

      named(name: string): this {
        return this.where('name', 'like', `${name}%`)
      }
    }

    for (const kind of ['field', 'getter', 'base']) {
      it(`works, set by a ${kind}, and stays with its tenant`, () =>
        withModels(server, async ({ tenantKnex, Base }) => {
          class Field extends Base {
            static override tableName = 'persons'
            declare id: number
            declare name: string
            declare QueryBuilderType: NameQuery<this>
            static override QueryBuilder = NameQuery
          }
          class Getter extends Base {
            static override tableName = 'persons'
          }
          Object.defineProperty(Getter, 'QueryBuilder', {
            get: () => NameQuery,
            configurable: true,
          })
          class OwnBase extends Model {
            static override tableName = 'persons'
            static override QueryBuilder = NameQuery
          }
          const classes = { field: Field, getter: Getter, base: forTenants(tenantKnex)(OwnBase) }
          const Person = classes[kind as 'field'] as typeof Field

          const { query } = await tenantKnex.run('a', () => ({
            query: Person.query()
              .named('Ada')
              .onBuild((query) => void query.whereIn('id', Person.query().select('id'))),
          }))
          expect(query).to.be.instanceOf(NameQuery)
          const [person] = await tenantKnex.run('b', async () => await query.clone())
          expect(person).to.include({ name: 'Ada of a' }).and.be.instanceOf(Person)
        }))
    }
  })

  describe('a model of one tenant in another’s scope', () => {
    const USES: Record<
      string,
      (person: InstanceType<Models['Person']>, models: Models) => unknown
    > = {
      '$query()': (person) => person.$query(),
      '$relatedQuery()': (person) => person.$relatedQuery('pets'),
      '$fetchGraph()': (person) => person.$fetchGraph('pets'),
      'fetchGraph()': (person, { Person }) => Person.fetchGraph([person], 'pets'),
      'upsertGraph()': (person, { Person }) => Person.query().upsertGraph(person),
      'upsertGraphAndFetch()': (person, { Person }) => Person.query().upsertGraphAndFetch([person]),
      'relatedQuery().for()': (person, { Person }) =>
        Person.relatedQuery('pets').for([person] as never),
      'fetchGraph() of one that it is related to': (person, { Person }) =>
        Person.fetchGraph({ id: 2, parent: person } as never, 'parent.pets', { skipFetched: true }),
    }
    it(`is refused at once, however it came about: ${Object.keys(USES).join(', ')}`, () =>
      withModels(server, async ({ tenantKnex, ...models }) => {
        const { Person } = models
        const persons = await tenantKnex.run('a', async () => {
          const found = await Person.query().findById(1).throwIfNotFound()
          const joined = await Person.query().findById(2).withGraphJoined('parent')
          const inserted = await Person.query().insert({ name: 'new' })
          const graph = { name: 'new', parent: { name: 'new' } }
          const { parent } = await Person.query().insertGraph(graph)
          return [found, joined?.parent, inserted, parent, found.$clone()]
        })
        for (const [title, use] of Object.entries(USES)) {
          for (const person of persons) {
            if (!person) throw new Error('not read')
            const error = await tenantKnex.run('b', () => thrown(() => use(person, models)))
            const refusal = { code: 'ERR_WRONG_TENANT', tenant: 'b', outcome: 'not-sent' }
            expect(error, title).to.include(refusal)
            await tenantKnex.run('a', async () => void (await use(person, models)))
          }
        }
      }))

    it('is accepted with a Knex or transaction given', () =>
      withModels(server, async ({ tenantKnex, Person }) => {
        const person = await tenantKnex.run('a', () => Person.query().findById(1).throwIfNotFound())
        const b = tenantKnex('b')
        await tenantKnex.run('b', async () => {
          expect(await person.$query(b)).to.include({ name: 'Ada of b' })
          expect(await person.$relatedQuery('pets', b)).to.have.nested.property(
            '0.name',
            'Rex of b',
          )
          await person.$fetchGraph('films', { transaction: b })
          expect(person.films[0]?.name).to.equal('Up of b')
        })
      }))

    it('is accepted in an upsertGraph() with a Knex given, and is that tenant’s then', () =>
      withModels(server, async ({ tenantKnex, Person }) => {
        const read = () => Person.query().findById(1).withGraphFetched('pets').throwIfNotFound()
        const person = await tenantKnex.run('a', read)
        await Person.query(tenantKnex('b')).upsertGraph(person)
        expect(await tenantKnex('b')('pets').pluck('name')).to.deep.equal(['Rex of a'])
        const pet = await tenantKnex.run('b', () => person.pets[0]?.$query())
        expect(pet).to.include({ name: 'Rex of a' })
      }))

    it('belongs to the tenant it was written to last', () =>
      withModels(server, async ({ tenantKnex, Person }) => {
        const person = await tenantKnex.run('a', () => Person.query().insert({ name: 'new' }))
        await tenantKnex.run('b', async () => {
          await Person.query().insert(person)
          expect(await person.$query()).to.include({ name: 'new' })
        })
        const error = await tenantKnex.run('a', () => thrown(() => person.$query()))
        expect(error).to.have.property('code', 'ERR_WRONG_TENANT')
      }))

    const NOT_WRITTEN: Record<
      string,
      (person: InstanceType<Models['Person']>, models: Models, b: BoundKnex) => unknown
    > = {
      'insert() that fails': (person, { Person }) => rejection(Person.query().insert(person)),
      'insert() whose error is handled': (person, { Person }) =>
        Person.query()
          .insert(person)
          .onError(() => undefined),
      'insertGraph() that fails': (person, { Person }) =>
        rejection(Person.query().insertGraph({ name: 'new', parent: person })),
      'upsertGraph() with a Knex given that fails': (person, { Person }, b) =>
        rejection(Person.query(b).upsertGraph({ id: 99, parent: person } as object)),
      'insert() that is only compiled': (person, { Person }) =>
        void Person.query().insert(person).toKnexQuery(),
      'patch()': (person, { Person }) => Person.query().patch(person).where('id', 1),
      'insert() of one that it is related to': (person, { Person }) =>
        Person.query().insert(Person.fromJson({ name: 'new', parent: person })),
    }
    for (const [title, use] of Object.entries(NOT_WRITTEN)) {
      it(`stays its tenant’s after ${title}`, () =>
        withModels(server, async ({ tenantKnex, ...models }) => {
          const read = () => models.Person.query().findById(1).throwIfNotFound()
          const person = await tenantKnex.run('a', read)
          await tenantKnex.run('b', async (b) => {
            await use(person, models, b)
            expect(thrown(() => person.$query())).to.have.property('code', 'ERR_WRONG_TENANT')
          })
          expect(await tenantKnex.run('a', () => person.$query())).to.include({ id: 1 })
        }))
    }

    it('is of the tenant it is inserted into already for $afterInsert()', () =>
      withModels(server, async ({ tenantKnex, Base }) => {
        class Hooked extends Base {
          static override tableName = 'pets'
          declare name: string
          override async $afterInsert() {
            await this.$query().patch({ name: 'after' })
          }
        }
        const pet = await tenantKnex.run('a', () => Hooked.query().insert({ name: 'new' }))
        await tenantKnex.run('b', () => Hooked.query().insert(pet))
        expect(await tenantKnex('b')('pets').where({ name: 'after' })).to.have.length(1)
      }))

    it('shows nothing of it: JSON, keys, deep equality, clones', () =>
      withModels(server, async ({ tenantKnex, Person }) => {
        const read = () => Person.query().select('id', 'age').findById(1).throwIfNotFound()
        const ofA = await tenantKnex.run('a', read)
        const ofB = await tenantKnex.run('b', read)
        expect(ofA).to.deep.equal(ofB)
        expect(Reflect.ownKeys(ofA)).to.deep.equal(['id', 'age'])
        expect(JSON.stringify(ofA)).to.equal('{"id":1,"age":null}')
        expect({ ...ofA.$clone() }).to.deep.equal({ id: 1, age: null })
        const proxied = new Proxy(ofA, {})
        await tenantKnex.run('a', async () => expect(await proxied.$query()).to.include({ id: 1 }))
      }))

    it('is refused by upsertGraph() inside whatever can be made into a graph', () =>
      withoutTouchingB(server, async ({ tenantKnex, Person }) => {
        const read = () => Person.query().findById(1).withGraphFetched('pets').throwIfNotFound()
        const { pets } = await tenantKnex.run('a', read)
        class Input {
          readonly id = 1
          readonly pets = pets
        }
        const graphs = [{ id: 1, pets }, [{ id: 2, parent: { id: 1, pets } }], new Input()]
        const Bound = Person.bindKnex(tenantKnex('b'))
        await tenantKnex.run('b', async () => {
          for (const graph of [...graphs, Person.fromJson({ name: 'x', pets })]) {
            for (const query of [Person.query(), Bound.query()]) {
              const error = thrown(() => query.upsertGraph(graph as object))
              expect(error).to.have.property('code', 'ERR_WRONG_TENANT')
              expect(await rejection(query)).to.equal(error)
              const fetching = () => Person.query().upsertGraphAndFetch(graph as object)
              expect(thrown(fetching)).to.have.property('code', 'ERR_WRONG_TENANT')
            }
          }
        })
      }))

    it('is refused by relate(), and by insertGraph() with the option `relate`', () =>
      withoutTouchingB(server, async ({ tenantKnex, Person, Film }) => {
        const film = await tenantKnex.run('a', () => Film.query().findById(1).throwIfNotFound())
        const graph = { name: 'new', films: [film] }
        const films = () => Person.relatedQuery('films').for(2)
        const RELATING: (() => unknown)[] = [
          () => films().relate(film as never),
          () => films().relate([film] as never),
          () => Person.fromJson({ id: 2 }).$relatedQuery('films').relate(film),
          () => Person.query().insertGraph(graph, { relate: true }),
          () => Person.query().insertGraph([graph], { relate: ['films'] }),
          () => Person.query().insertGraphAndFetch(graph, { relate: true }),
          () => Person.query().upsertGraph({ id: 2, films: [film] }, { relate: true }),
        ]
        for (const relate of RELATING) {
          const error = await tenantKnex.run('b', () => thrown(relate))
          expect(error, `${relate}`).to.have.property('code', 'ERR_WRONG_TENANT')
        }
      }))

    it('is accepted there with a Knex given, and as a copy by insertGraph() without `relate`', () =>
      withModels(server, async ({ tenantKnex, Person, Film }) => {
        const b = tenantKnex('b')
        const film = await tenantKnex.run('a', () => Film.query().findById(1).throwIfNotFound())
        await Person.relatedQuery('films', b)
          .for(2)
          .relate(film as never)
        await Person.query(b).insertGraph({ id: 3, name: 'new', films: [film] }, { relate: true })
        expect(await b('roles').pluck('person_id').orderBy('person_id')).to.deep.equal([1, 2, 3])
        film.id = 7
        await tenantKnex.run('b', () => Person.query().insertGraph({ name: 'new', films: [film] }))
        expect(await b('films').where({ id: 7 }).pluck('name')).to.deep.equal(['Up of a'])
      }))

    it('may be part of a circle: that is Objection’s to refuse, when the query is awaited', () =>
      withModels(server, async ({ tenantKnex, Person }) => {
        const person = await tenantKnex.run('a', () => Person.query().findById(2).throwIfNotFound())
        person.parent = person
        const { query } = await tenantKnex.run('a', () => ({
          query: Person.query().upsertGraph(person),
        }))
        expect(await rejection(query)).to.be.instanceOf(RangeError)
        const error = await tenantKnex.run('b', () =>
          thrown(() => Person.query().upsertGraph(person)),
        )
        expect(error).to.have.property('code', 'ERR_WRONG_TENANT')
      }))

    it('is refused as a copy that Model.fromJson() made of it', () =>
      withModels(server, async ({ tenantKnex, Person }) => {
        const person = await tenantKnex.run('a', () => Person.query().findById(1).throwIfNotFound())
        const copy = Person.fromJson(person)
        const error = await tenantKnex.run('b', () => thrown(() => copy.$query()))
        expect(error).to.have.property('code', 'ERR_WRONG_TENANT')
      }))

    it('is refused inside the clone of a model that is not of its tenant', () =>
      withModels(server, async ({ tenantKnex, Person, Pet }) => {
        const person = await tenantKnex.run('b', () => Person.query().findById(1).throwIfNotFound())
        person.pets = await tenantKnex.run('a', () => Pet.query())
        await tenantKnex.run('b', async () => {
          const clone = person.$clone()
          expect(thrown(() => clone.pets[0]?.$query())).to.have.property('code', 'ERR_WRONG_TENANT')
          expect(await clone.$query()).to.include({ name: 'Ada of b' })
        })
      }))

    it('as a related one inside a clone is refused too', () =>
      withModels(server, async ({ tenantKnex, Person }) => {
        const read = () => Person.query().findById(1).withGraphFetched('pets').throwIfNotFound()
        const clone = (await tenantKnex.run('a', read)).$clone()
        const error = await tenantKnex.run('b', () => thrown(() => clone.pets[0]?.$query()))
        expect(error).to.have.property('code', 'ERR_WRONG_TENANT')
      }))
  })

  describe('a query of another tenant inside a query', () => {
    const NESTINGS: Record<string, (models: Models, other: object) => PromiseLike<unknown>> = {
      'as a sub-query': ({ Person }, other) => Person.query().whereIn('id', other as never),
      'in raw()': ({ Person }, other) => Person.query().where('id', Person.raw('(?)', other)),
      'in select()': ({ Person }, other) =>
        Person.query().select((other as QueryBuilder<Model>).as('x')),
      'in patch()': ({ Person }, other) => Person.query().patch({ age: other as never }),
      'in relatedQuery().for()': ({ Person }, other) =>
        Person.relatedQuery('pets').for(other as QueryBuilder<Model>),
      'as a union': ({ Person }, other) => Person.query().union(other as never),
      'in with()': ({ Person }, other) => Person.query().with('x', other as never),
    }
    it(`fails: ${Object.keys(NESTINGS).join(', ')}`, () =>
      withoutTouchingB(server, async ({ tenantKnex, ...models }) => {
        const before = await contents(tenantKnex('a'))
        const { other } = await tenantKnex.run('b', () => ({
          other: models.Person.query().select('id').where('id', 1),
        }))
        for (const [title, nest] of Object.entries(NESTINGS)) {
          for (const scope of TENANTS) {
            const { query } = await tenantKnex.run('a', () => ({ query: nest(models, other) }))
            const error = await tenantKnex.run(scope, () => rejection(query))
            expect(error, title).to.have.property('code', 'ERR_WRONG_TENANT')
          }
        }
        expect(await contents(tenantKnex('a'))).to.deep.equal(before)
      }))
  })

  describe('table metadata', () => {
    it('is each tenant’s own: one may be a migration ahead', () =>
      withModels(server, async ({ tenantKnex, Person, Pet }) => {
        await tenantKnex('b').schema.alterTable('pets', (table) => void table.string('breed'))
        const read = () => Person.query().findById(1).withGraphJoined('pets').throwIfNotFound()
        const [ofA, ofB] = [await tenantKnex.run('a', read), await tenantKnex.run('b', read)]
        expect(ofA.pets[0]).to.have.keys('id', 'name', 'owner_id')
        expect(ofB.pets[0]).to.have.keys('id', 'name', 'owner_id', 'breed')
        const known = await tenantKnex.run('b', () => Pet.tableMetadata())
        expect(known.columns).to.include('breed')
      }))

    it('is shared by the classes that transactions bind', () =>
      withModels(server, async ({ tenantKnex, Person }) => {
        await tenantKnex.run('a', () => Person.fetchTableMetadata())
        await Person.transaction(tenantKnex('a'), async (trx) => {
          expect(Person.bindTransaction(trx).tableMetadata()?.columns).to.include('name')
        })
      }))

    it('that cannot be had of one tenant is no failure of another', () =>
      withModels(server, async ({ tenantKnex, Person }) => {
        const read = () => Person.query().findById(1).withGraphJoined('pets').throwIfNotFound()
        const missing = tenantKnex.run('missing', () => rejection(read()))
        const ofB = tenantKnex.run('b', read)
        expect(await missing).to.have.property('code', 'ERR_TENANT_DATABASE_MISSING')
        expect((await ofB).pets[0]).to.include({ name: 'Rex of b' })
      }))

    it('is asked for again after a failure', () =>
      withModels(server, async ({ tenantKnex, Pet, admin, databaseOf }) => {
        const fetch = () => tenantKnex.run('late', () => Pet.fetchTableMetadata())
        expect(await rejection(fetch())).to.have.property('code', 'ERR_TENANT_DATABASE_MISSING')
        await admin.query(`CREATE DATABASE ${databaseOf('late')}`)
        await createTables(tenantKnex('late'))
        expect((await fetch()).columns).to.deep.equal(['id', 'name', 'owner_id'])
      }))

    it('is of each model class by itself, also of one bound by knex()', () =>
      withModels(server, async ({ tenantKnex, Base }) => {
        class Before extends Base {
          static override tableName = 'pets'
        }
        class After extends Base {
          static override tableName = 'pets'
        }
        const a = tenantKnex('a')
        Before.knex(a)
        After.knex(a)
        await Before.fetchTableMetadata()
        await a.schema.alterTable('pets', (table) => void table.string('breed'))
        await After.fetchTableMetadata()
        expect(Before.tableMetadata().columns).not.to.include('breed')
        expect(After.tableMetadata().columns).to.include('breed')
      }))

    it('is asked for once, and again when forced or when there was no table', () =>
      withModels(server, async ({ tenantKnex, Base }) => {
        class Late extends Base {
          static override tableName = 'late'
        }
        const a = tenantKnex('a')
        let asked = 0
        a.on('query', () => {
          asked += 1
        })
        const fetch = (force = false) =>
          tenantKnex.run('a', () => Late.fetchTableMetadata({ force }))
        expect((await fetch()).columns).to.deep.equal([])
        await a.schema.createTable('late', (table) => void table.integer('x'))
        asked = 0
        const both = await Promise.all([fetch(), fetch()])
        expect(both.map(({ columns }) => columns)).to.deep.equal([['x'], ['x']])
        await fetch()
        expect(asked).to.equal(1)
        await fetch(true)
        expect(asked).to.equal(2)
        expect((await Late.fetchTableMetadata({ knex: tenantKnex('b') })).columns).to.deep.equal([])
      }))
  })

  it('leave nothing on a tenant’s Knex: no class is bound, also for join tables', () =>
    withModels(server, async ({ tenantKnex, ...models }) => {
      for (const query of Object.values(QUERIES)) {
        await tenantKnex.run('a', async () => void (await query(models)))
      }
      expect(tenantKnex('a')).not.to.have.property('$$objection')
    }))

  it(`never mix in ${PARALLEL} parallel scopes that read, write and await`, () =>
    withModels(server, async ({ tenantKnex, Person, Pet }) => {
      const request = (_: unknown, index: number): Promise<void> => {
        const tenant = TENANTS[index % 2] as string
        return tenantKnex.run(tenant, async () => {
          const name = `${index} of ${tenant}`
          const { id } = await Person.query().insertGraph({ name, pets: [{ name }] })
          await nextTurn()
          const read = await Person.query().findById(id).withGraphFetched('pets')
          expect(read).to.have.nested.property('pets[0].name', name)
          await Person.transaction(async (trx) => {
            await read?.$query(trx).patch({ age: index })
            await nextTurn()
            const pets = await read?.$relatedQuery('pets', trx)
            expect(pets?.map((pet) => pet.name)).to.deep.equal([name])
          })
          const joined = await Person.query().findById(1).withGraphJoined('[pets, films]')
          expect(joined?.toJSON()).to.deep.include(graphOf(tenant))
        })
      }
      await Promise.all(Array.from({ length: PARALLEL }, request))
      for (const tenant of TENANTS) {
        const names = await Pet.query(tenantKnex(tenant)).select('name')
        expect(names.filter(({ name }) => name.endsWith(` of ${tenant}`))).to.have.length(
          PARALLEL / 2 + 1,
        )
        expect(names).to.have.length(PARALLEL / 2 + 1)
      }
    })).timeout(60_000)

  it('can be made by Objection’s mixin()', () =>
    withModels(server, async ({ tenantKnex }) => {
      class Person extends mixin(Model, [forTenants(tenantKnex)]) {
        static override tableName = 'persons'
        declare name: string
      }
      const persons = await tenantKnex.run('a', () => Person.query().orderBy('id'))
      expect(persons.map(({ name }) => name)).to.deep.equal(['Ada of a', 'Byron of a'])
    }))
})

/** The rows around a tenant's Ada. */
function graphOf(tenant: string): object {
  return {
    name: `Ada of ${tenant}`,
    pets: [{ id: 1, name: `Rex of ${tenant}`, owner_id: 1 }],
    films: [{ id: 1, name: `Up of ${tenant}`, role: `hero of ${tenant}` }],
  }
}

/** Never called. It shows which types the compiler must accept and refuse. */
export async function types(tenantKnex: TenantKnex): Promise<unknown> {
  class Base extends forTenants(tenantKnex)(Model) {
    static label = 'base'
    greeting(): string {
      return 'hello'
    }
  }
  class Person extends forTenants(tenantKnex)(Base) {
    static override tableName = 'persons'
    declare id: number
    declare name: string
  }
  const label: string = Person.label
  const person: Person | undefined = await Person.query(tenantKnex('a')).findById(1)
  const greeting: string | undefined = person?.greeting()
  await Person.query().insert({ name: 'x' })
  // @ts-expect-error: a column that the model has not
  await Person.query().insert({ nickname: 'x' })
  // @ts-expect-error: a number as name
  await person?.$query().patch({ name: 1 })
  // @ts-expect-error: not a tenantKnex
  forTenants(tenantKnex('a'))
  // @ts-expect-error: not a model class
  forTenants(tenantKnex)(class {})
  // @ts-expect-error: not a Knex
  Person.query('a')
  // @ts-expect-error: a static member that the class has not
  Person.nothing
  return [label, greeting]
}
