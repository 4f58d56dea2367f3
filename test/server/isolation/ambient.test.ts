import { expect } from 'chai'
import type { Knex } from 'knex'
import type { AmbientKnex, BoundKnex, TenantKnex } from '../../../src/index.ts'
import { onEachServer, rejection, withTenants } from '../../support/tenants.ts'

/** Where seeds and migrations come from: no file is read. */
const SEEDS = {
  seedSource: {
    getSeeds: () => Promise.resolve(['seed']),
    getSeed: () =>
      Promise.resolve({
        async seed(knex: Knex) {
          await knex('items').update({ val: 9 })
        },
      }),
  },
}
const MIGRATIONS = {
  migrationSource: {
    getMigrations: () => Promise.resolve(['one']),
    getMigrationName: (name: string) => name,
    getMigration: () =>
      Promise.resolve({
        up: (knex: Knex) => knex('items').update({ val: 9 }),
        down: () => Promise.resolve(),
      }),
  },
}

/** What `ambient` gives in a tenant's scope, and what is done with it in another's. */
type Use = (ambient: AmbientKnex) => () => unknown

const uses: [string, Use][] = [
  [
    'a query builder',
    (ambient) => {
      const query = ambient('items').update({ val: 9 })
      return () => query
    },
  ],
  [
    'an empty query builder',
    (ambient) => {
      const query = ambient.queryBuilder()
      return () => query.from('items').update({ val: 9 })
    },
  ],
  [
    'a stream',
    (ambient) => {
      const query = ambient('items')
      return () => query.stream(() => undefined)
    },
  ],
  [
    'a raw statement',
    (ambient) => {
      const raw = ambient.raw('UPDATE items SET val = 9')
      return () => raw
    },
  ],
  [
    'a raw fragment',
    (ambient) => {
      const raw = ambient.raw('9')
      return () => ambient('items').update({ val: raw })
    },
  ],
  [
    'fn',
    (ambient) => {
      const { fn } = ambient
      return () => ambient('items').where('tenant', fn.now())
    },
  ],
  [
    'schema',
    (ambient) => {
      const { schema } = ambient
      return () => schema.dropTable('items')
    },
  ],
  [
    'the client',
    (ambient) => {
      const { client } = ambient
      return () => client.acquireConnection()
    },
  ],
  [
    'a builder of the client',
    (ambient) => {
      const { client } = ambient
      return () => client.queryBuilder().from('items').update({ val: 9 })
    },
  ],
  [
    'migrate',
    (ambient) => {
      const { migrate } = ambient
      return () => migrate.latest(MIGRATIONS as unknown as Knex.MigratorConfig)
    },
  ],
  [
    'seed',
    (ambient) => {
      const { seed } = ambient
      return () => seed.run(SEEDS as unknown as Knex.SeederConfig)
    },
  ],
  [
    'withUserParams',
    (ambient) => {
      const copy = ambient.withUserParams({ x: 1 })
      return () => copy('items').update({ val: 9 })
    },
  ],
  [
    'a transaction of what withUserParams gave',
    (ambient) => {
      const copy = ambient.withUserParams({ x: 1 })
      return () => copy.transaction(async (trx) => trx('items').update({ val: 9 }))
    },
  ],
  [
    'a copy of a copy',
    (ambient) => {
      const copy = (ambient.withUserParams({ x: 1 }) as BoundKnex).withUserParams({ x: 2 })
      return () => copy.schema.dropTable('items')
    },
  ],
  [
    'the cache',
    (ambient) => {
      const { cache } = ambient
      return () => cache.set('k', 9)
    },
  ],
  [
    'the store of the cache',
    (ambient) => {
      const { cache } = ambient
      return () => cache.store.set('k', 9)
    },
  ],
  [
    'the options of the cache',
    (ambient) => {
      const { cache } = ambient
      return () => cache.opts.store?.set('k', 9)
    },
  ],
  [
    'a setting of the cache',
    (ambient) => {
      const { cache } = ambient
      return () => {
        cache.ttl = 1
      }
    },
  ],
  [
    'the cache of a copy',
    (ambient) => {
      const { cache } = ambient.withUserParams({ x: 1 }) as BoundKnex
      return () => cache.remember('k', {}, () => 9)
    },
  ],
  [
    'transactionProvider',
    (ambient) => {
      const provide = ambient.transactionProvider()
      return () => provide()
    },
  ],
  [
    'transactionProvider of a copy',
    (ambient) => {
      const provide = ambient.withUserParams({ x: 1 }).transactionProvider()
      return () => provide()
    },
  ],
]

/** Knex wraps the error of a seed. */
async function refusal(promise: PromiseLike<unknown>): Promise<Error> {
  const error: Error & { original?: Error } = await rejection(promise)
  return error.original ?? error
}

onEachServer('what `ambient` gave in one tenant’s scope', (server) => {
  const isUntouched = async (tenantKnex: TenantKnex) => {
    for (const id of ['a', 'b']) {
      expect(await tenantKnex(id)('items').where({ val: 9 })).to.deep.equal([])
      expect(await tenantKnex(id).cache.get('k')).to.equal(undefined)
    }
  }

  for (const [name, use] of uses) {
    it(`is refused in another’s: ${name}`, () =>
      withTenants(server, {}, async ({ tenantKnex }) => {
        const late = await tenantKnex.run('a', () => use(tenantKnex.ambient))
        const error = await refusal(tenantKnex.run('b', async () => late()))
        expect(error).to.include({ code: 'ERR_WRONG_TENANT', outcome: 'not-sent' })
        await isUntouched(tenantKnex)
      }))

    it(`is refused in another’s, taken inside a transaction in scope: ${name}`, () =>
      withTenants(server, {}, async ({ tenantKnex }) => {
        await tenantKnex.run('a', () =>
          tenantKnex.transaction(async () => {
            if (/cop|withUser/.test(name)) return // as in Knex, a transaction has none
            const late = use(tenantKnex.ambient)
            const error = await refusal(tenantKnex.run('b', async () => late()))
            expect(error).to.include({ code: 'ERR_WRONG_TENANT', outcome: 'not-sent' })
          }),
        )
        await isUntouched(tenantKnex)
      }))
  }

  it('works in its own, and where no tenant is in scope', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      const { ambient } = tenantKnex
      const [migrate, seed, copy, cache] = await tenantKnex.run('a', () => [
        ambient.migrate,
        ambient.seed,
        ambient.withUserParams({ x: 1 }),
        ambient.cache,
      ])
      await tenantKnex.run('a', () => migrate.latest(MIGRATIONS as unknown as Knex.MigratorConfig))
      await seed.run(SEEDS as unknown as Knex.SeederConfig)
      expect(await copy('items').distinct('tenant', 'val')).to.deep.equal([{ tenant: 'a', val: 9 }])
      expect(copy.userParams).to.deep.equal({ x: 1 })
      await cache.set('k', 1)
      expect(await tenantKnex('a').cache.get('k')).to.equal(1)
      expect(await tenantKnex('b')('items').where({ val: 9 })).to.deep.equal([])
    }))

  it('lists no entries of its cache in another’s, where listing began before', () =>
    withTenants(server, { cache: { allowScan: true } }, async ({ tenantKnex }) => {
      await tenantKnex('a').cache.set('k', 1)
      await tenantKnex('a').cache.set('l', 1)
      const list = () => tenantKnex.ambient.cache.iterator?.(undefined) as AsyncGenerator<unknown>
      const { unread, begun } = await tenantKnex.run('a', async () => {
        const one = { unread: list(), begun: list() }
        expect((await one.begun.next()).done).to.equal(false)
        return one
      })
      for (const entries of [unread, begun]) {
        const error = await rejection(tenantKnex.run('b', () => entries.next()))
        expect(error).to.include({ code: 'ERR_WRONG_TENANT', tenant: 'b' })
      }
      const all: unknown[] = []
      await tenantKnex.run('a', async () => {
        for await (const entry of list()) all.push(entry)
      })
      expect(all).to.have.lengthOf(2)
    }))

  it('begins no transaction of another’s where a provider was asked before', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      const copy = await tenantKnex.run('a', () => ({
        provide: tenantKnex.ambient.withUserParams({ x: 1 }).transactionProvider(),
      }))
      const trx = await tenantKnex.run('a', copy.provide)
      const error = await rejection(tenantKnex.run('b', copy.provide))
      expect(error).to.include({ code: 'ERR_WRONG_TENANT', tenant: 'b', outcome: 'not-sent' })
      await trx.rollback()
    }))

  it('hears what its copy’s listeners want to hear', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      const heard: string[] = []
      tenantKnex('a').on('query', ({ sql }) => heard.push(sql))
      await tenantKnex.run('a', async () => {
        await tenantKnex.ambient.withUserParams({ x: 1 })('items').pluck('id')
      })
      expect(heard).to.deep.equal(['select `id` from `items`'])
    }))
})
