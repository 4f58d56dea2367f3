import { expect } from 'chai'
import { Keyv } from 'keyv'
import type { BoundKnex, CacheOptions } from '../../../src/index.ts'
import { withProxy } from '../../support/proxy.ts'
import {
  onEachServer,
  rejection,
  type TestServer,
  type TestTenants,
  until,
  withTenants,
} from '../../support/tenants.ts'

const LONG = { ttlMillis: 60_000 }

/** A transaction that changes `k`, how it ends, and whether `k` still exists after that. */
type Case = [string, (knex: BoundKnex) => Promise<unknown>, 'kept' | 'forgotten']

const lost = new Error('lost')

const cases: Case[] = [
  ['a commit', (knex) => knex.transaction((trx) => trx.cache.delete('k')), 'forgotten'],
  ['deleteMany', (knex) => knex.transaction((trx) => trx.cache.deleteMany(['k'])), 'forgotten'],
  ['clear', (knex) => knex.transaction((trx) => trx.cache.clear()), 'forgotten'],
  ['purge', (knex) => knex.transaction((trx) => trx.cache.purge()), 'forgotten'],
  [
    'a rollback',
    (knex) =>
      knex.transaction(async (trx) => {
        await trx.cache.delete('k')
        await trx.cache.clear()
        throw lost
      }),
    'kept',
  ],
  [
    'a commit by hand',
    async (knex) => {
      const trx = await knex.transaction()
      await trx.cache.delete('k')
      await trx.commit()
    },
    'forgotten',
  ],
  [
    'a rollback by hand',
    async (knex) => {
      const trx = await knex.transaction()
      await trx.cache.delete('k')
      await trx.rollback()
    },
    'kept',
  ],
  [
    'a provider',
    async (knex) => {
      const trx = await knex.transactionProvider()()
      await trx.cache.delete('k')
      await trx.commit()
    },
    'forgotten',
  ],
  [
    'old style: a function that commits by itself and returns nothing',
    (knex) =>
      knex.transaction((trx) => {
        trx.cache.delete('k').then(() => trx.commit(), trx.rollback)
      }),
    'forgotten',
  ],
  [
    'a savepoint that is released',
    (knex) => knex.transaction((trx) => trx.transaction((inner) => inner.cache.delete('k'))),
    'forgotten',
  ],
  [
    'a savepoint that is rolled back, as the row may have been written before it',
    (knex) =>
      knex.transaction((trx) =>
        trx
          .transaction(async (inner) => {
            await inner.cache.delete('k')
            throw lost
          })
          .catch(() => undefined),
      ),
    'forgotten',
  ],
  [
    'a savepoint that is rolled back after what was before it',
    (knex) =>
      knex.transaction(async (trx) => {
        await trx.cache.delete('k')
        const inner = await trx.transaction()
        await inner.cache.delete('other')
        await inner.rollback()
      }),
    'forgotten',
  ],
  [
    'an outer rollback after a savepoint was released',
    (knex) =>
      knex.transaction(async (trx) => {
        await trx.transaction((inner) => inner.cache.delete('k'))
        throw lost
      }),
    'kept',
  ],
  [
    'a savepoint by hand, told in another case',
    (knex) =>
      knex.transaction(async (trx) => {
        await trx.cache.delete('k')
        await trx.raw('SAVEPOINT Mine')
        await trx.cache.delete('other')
        await trx.raw('ROLLBACK TO MINE')
      }),
    'forgotten',
  ],
  [
    'a savepoint by hand whose name is used again, and that is rolled back',
    (knex) =>
      knex.transaction(async (trx) => {
        await trx.cache.delete('other')
        await trx.raw('SAVEPOINT mine')
        await trx.cache.delete('k')
        await trx.raw('SAVEPOINT mine')
        await trx.cache.delete('another')
        await trx.raw('ROLLBACK TO mine')
      }),
    'forgotten',
  ],
  [
    'a COMMIT by hand before a rollback',
    (knex) =>
      knex.transaction(async (trx) => {
        await trx.cache.delete('k')
        await trx.raw('COMMIT')
        throw lost
      }),
    'forgotten',
  ],
  [
    'a ROLLBACK by hand, whatever it is in, before a commit',
    (knex) =>
      knex.transaction(async (trx) => {
        await trx.cache.delete('k')
        await trx.raw('ROLLBACK')
      }),
    'forgotten',
  ],
  [
    'a COMMIT behind a comment before a rollback',
    (knex) =>
      knex.transaction(async (trx) => {
        await trx.cache.delete('k')
        await trx.raw('/* done */ COMMIT')
        throw lost
      }),
    'forgotten',
  ],
  [
    'COMMIT AND CHAIN before a rollback',
    (knex) =>
      knex.transaction(async (trx) => {
        await trx.cache.delete('k')
        await trx.raw('COMMIT AND CHAIN')
        throw lost
      }),
    'forgotten',
  ],
  [
    'COMMIT AND CHAIN, though what follows is rolled back',
    (knex) =>
      knex.transaction(async (trx) => {
        await trx.cache.delete('other')
        await trx.raw('COMMIT AND CHAIN')
        await trx.cache.delete('k')
        throw lost
      }),
    'forgotten',
  ],
  [
    'a table that is made, which commits what was before it',
    (knex) =>
      knex.transaction(async (trx) => {
        await trx.cache.delete('k')
        await trx.schema.createTable('made', (table) => void table.integer('id'))
        throw lost
      }),
    'forgotten',
  ],
  [
    'BEGIN by hand, which commits what was before it',
    (knex) =>
      knex.transaction(async (trx) => {
        await trx.cache.delete('k')
        await trx.raw('BEGIN')
        throw lost
      }),
    'forgotten',
  ],
  [
    'another BEGIN by hand, though its transaction is rolled back',
    (knex) =>
      knex.transaction(async (trx) => {
        await trx.cache.has('k')
        await trx.raw('COMMIT')
        await trx.raw('START TRANSACTION')
        await trx.cache.delete('k')
        throw lost
      }),
    'forgotten',
  ],
]

onEachServer("a transaction's cache", (server) => {
  const given = (
    test: (context: TestTenants, knex: BoundKnex) => Promise<void>,
    cache: CacheOptions = {},
  ) =>
    withTenants(server, { cache, pool: { max: 1 } }, async (context) => {
      const knex = context.tenantKnex('a')
      await test(context, knex)
    })

  it('finds nothing, keeps nothing, and computes each time', () =>
    given(async (_, knex) => {
      await knex.cache.set('k', 'outside')
      await knex.transaction(async (trx) => {
        const { cache } = trx
        expect(cache).to.equal(trx.cache).and.not.equal(knex.cache)
        expect(await cache.get('k')).to.equal(undefined)
        expect(await cache.getMany(['k'])).to.deep.equal([undefined])
        expect(await cache.has('k')).to.equal(false)
        expect(await cache.set('k', 'inside')).to.equal(false)
        expect(await cache.setMany([{ key: 'k', value: 'inside' }])).to.deep.equal([false])
        let runs = 0
        const ask = () => cache.remember('k', LONG, () => ++runs)
        expect([await ask(), await ask()]).to.deep.equal([1, 2])
        expect(await cache.get('k')).to.equal(undefined)
      })
      expect(await knex.cache.get('k')).to.equal('outside')
    }))

  for (const [title, run, left] of cases) {
    it(`then the key is ${left}: ${title}`, () =>
      given(async ({ tenantKnex }, knex) => {
        await knex.cache.set('k', 'old')
        await tenantKnex('b').cache.set('k', 'of b')
        await run(knex).catch((error) => expect(error).to.equal(lost))
        expect(await knex.cache.get('k')).to.equal(left === 'kept' ? 'old' : undefined)
        expect(await tenantKnex('b').cache.get('k')).to.equal('of b')
      }))
  }

  it('forgets after COMMIT has run and before the commit is reported', () => {
    const events: string[] = []
    const entries = new Map<string, string>()
    let look: () => Promise<unknown> = async () => undefined
    const store = {
      get: (key: string) => entries.get(key),
      set: (key: string, text: string) => void entries.set(key, text),
      clear: () => entries.clear(),
      delete: async (key: string) => {
        events.push(`deletes while others see ${await look()}`)
        entries.delete(key)
      },
    }
    return given(
      async ({ admin, databaseOf }, knex) => {
        look = async () => {
          const [rows] = await admin.query(`SELECT val FROM ${databaseOf('a')}.items WHERE id = 1`)
          return JSON.stringify(rows)
        }
        await knex.cache.set('k', 'old')
        await knex.transaction(async (trx) => {
          await trx('items').where({ id: 1 }).update({ val: 7 })
          await trx.cache.delete('k')
          expect(await knex.cache.get('k')).to.equal('old')
        })
        events.push(`committed, finds ${await knex.cache.get('k')}`)
        expect(events).to.deep.equal([
          'deletes while others see [{"val":7}]',
          'committed, finds undefined',
        ])
      },
      { store, timeoutMillis: 5_000 },
    )
  })

  it('goes to the real cache once the transaction is over', () =>
    given(async (_, knex) => {
      const ends: ((trx: Awaited<ReturnType<typeof begin>>) => Promise<unknown>)[] = [
        (trx) => trx.commit(),
        (trx) => trx.rollback(),
        (trx) => trx.raw('SELECT * FROM missing').catch(() => trx.rollback()),
      ]
      const begin = () => knex.transaction()
      for (const end of ends) {
        const trx = await begin()
        const { cache } = trx
        await end(trx)
        await knex.cache.set('k', 'old')
        await cache.delete('k')
        expect(await knex.cache.get('k')).to.equal(undefined)
        await knex.cache.set('k', 'old')
        await cache.clear()
        expect(await knex.cache.get('k')).to.equal(undefined)
        expect(await cache.set('k', 'late')).to.equal(false)
      }
    }))

  it('goes to the real cache once the connection is lost', () =>
    given(async ({ admin }, knex) => {
      await knex.cache.set('k', 'old')
      const trx = await knex.transaction()
      await trx.cache.delete('k')
      const [[{ id }]] = await trx.raw('SELECT CONNECTION_ID() AS id')
      await admin.query('KILL ?', [id])
      await rejection(trx.raw('SELECT 1'))
      await trx.rollback().catch(() => undefined)
      expect(await knex.cache.get('k'), 'rolled back by the server').to.equal('old')
      await trx.cache.delete('k')
      expect(await knex.cache.get('k')).to.equal(undefined)
    }))

  it('forgets, to be safe, where nobody knows what became of COMMIT', () =>
    withProxiedTenants(server, async (proxy, { tenantKnex }) => {
      const knex = tenantKnex('a')
      await knex.cache.set('k', 'old')
      const trx = await knex.transaction()
      await trx('items').update({ val: 1 })
      await trx.cache.delete('k')
      proxy.hold()
      const committed = trx.commit()
      await until('COMMIT has been sent', () => Buffer.concat(proxy.sent).includes('COMMIT'))
      proxy.cut()
      expect(await rejection(committed)).to.include({ outcome: 'unknown' })
      expect(await knex.cache.get('k')).to.equal(undefined)
      proxy.release()
    }))

  it('resolves where the store is away at the commit, and an `error` event tells', () =>
    given(
      async (_, knex) => {
        const errors: Error[] = []
        knex.cache.on('error', (error) => errors.push(error))
        const result = await knex.transaction(async (trx) => {
          await trx.cache.delete('k')
          await trx('items').where({ id: 1 }).update({ val: 7 })
          return 'done'
        })
        expect(result).to.equal('done')
        expect(await knex('items').where({ id: 1 }).pluck('val')).to.deep.equal([7])
        expect(errors).to.have.length(1)
        expect(errors[0]).to.include({ code: 'ERR_CACHE_UNAVAILABLE', tenant: 'a' })
      },
      { store: 'redis://127.0.0.1:9' },
    ))

  it('leaves nothing for the next transaction on the same connection', () =>
    given(async ({ tenantKnex }, knex) => {
      const b = tenantKnex('b')
      await knex.cache.set('k', 'of a')
      await b.cache.set('k', 'of b')
      let ofA: unknown
      await knex
        .transaction(async (trx) => {
          ofA = trx.cache
          await trx.cache.clear()
          throw lost
        })
        .catch(() => undefined)
      await b.transaction(async (trx) => {
        expect(trx.cache).to.not.equal(ofA)
        expect(trx.cache.prefix).to.equal(b.cache.prefix)
      })
      await knex.transaction(async (trx) => void (await trx('items')))
      expect([await knex.cache.get('k'), await b.cache.get('k')]).to.deep.equal(['of a', 'of b'])
    }))

  it('runs a factory that gives a query in the tenant, wherever it is called', () =>
    given(async ({ tenantKnex }, knex) => {
      const ask = (key: string) =>
        knex.cache.remember(key, LONG, () =>
          tenantKnex.ambient('items').where({ id: 1 }).pluck('tenant'),
        )
      expect(await ask('1')).to.deep.equal(['a'])
      expect(await tenantKnex.run('b', () => ask('2'))).to.deep.equal(['a'])
      expect(await ask('2')).to.deep.equal(['a'])
      const inTransaction = knex.transaction((trx) =>
        tenantKnex.run('b', () =>
          trx.cache.remember('3', LONG, () => trx('items').pluck('tenant')),
        ),
      )
      expect(new Set(await inTransaction)).to.deep.equal(new Set(['a']))
    }))

  it('is the same cache by every way to the tenant', () =>
    given(async ({ tenantKnex }, knex) => {
      await knex.cache.set('k', 'of a')
      expect(knex.withUserParams({ x: 1 }).cache).to.equal(knex.cache)
      await tenantKnex.run('a', async () => {
        const { cache } = tenantKnex.ambient
        expect(cache).to.equal(tenantKnex.ambient.cache).and.be.an.instanceOf(Keyv)
        expect(cache.prefix).to.equal(knex.cache.prefix)
        expect(await cache.get('k')).to.equal('of a')
        const copy = tenantKnex.ambient.withUserParams({ x: 1 }) as BoundKnex
        expect(copy.cache).to.equal(cache)
        const told = new Promise((resolve) => cache.once('clear', () => resolve('told')))
        await knex.cache.clear()
        expect(await told).to.equal('told')
        await cache.set('k', 'of a')
        await tenantKnex.ambient.transaction(async (trx) => {
          await trx.cache.delete('k')
        })
      })
      expect(await knex.cache.get('k')).to.equal(undefined)
    }))
})

async function withProxiedTenants(
  server: TestServer,
  test: (
    proxy: Parameters<Parameters<typeof withProxy>[1]>[0],
    context: TestTenants,
  ) => Promise<void>,
): Promise<void> {
  await withProxy(server.url, (proxy) =>
    withTenants({ ...server, url: proxy.url }, {}, (context) => test(proxy, context)),
  )
}
