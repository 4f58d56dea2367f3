import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import type { Knex } from 'knex'
import type { AcquireTimeoutError, TenantKnex } from '../../../src/index.ts'
import { ITEMS, onEachServer, rejection, until, withTenants } from '../../support/tenants.ts'

const MINE = { tenant: 'mine', val: 7 }
const lost = new Error('lost')

/** A service that knows nothing of tenants and transactions. */
const service = ({ ambient }: TenantKnex) => ({
  add: () => ambient('items').insert(MINE),
  count: async () => Number((await ambient('items').where(MINE).count({ n: '*' }).first())?.n),
})

/** How many rows of the service a tenant has, as others see it. */
async function committed(tenantKnex: TenantKnex, id: string): Promise<number> {
  return (await tenantKnex(id)('items').where(MINE)).length
}

async function read(stream: unknown): Promise<number> {
  let count = 0
  for await (const _ of stream as AsyncIterable<unknown>) count++
  return count
}

const ENDS = [ITEMS, 'ERR_TRANSACTION_OVER']

/** How many rows a stream had, or the code of its error. */
const outcome = (stream: unknown) => read(stream).catch(({ code }) => code)

onEachServer('tenantKnex.transaction', (server) => {
  it('is joined by what goes by the scope, and by nothing else', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      const { add, count } = service(tenantKnex)
      const result = await tenantKnex.run('a', (a) =>
        tenantKnex.transaction(async (trx) => {
          expect(tenantKnex.current()).to.equal(trx)
          expect(trx.tenant).to.equal(a.tenant)
          await add()
          await tenantKnex.current()('items').insert(MINE)
          await tenantKnex.run('a', (knex) => knex('items').insert(MINE))
          expect(await count()).to.equal(3)
          expect(await a('items').where(MINE), 'named by itself').to.deep.equal([])
          expect(tenantKnex.stats().servers[0].used).to.equal(1)
          return 'result'
        }),
      )
      expect(result).to.equal('result')
      expect(await committed(tenantKnex, 'a')).to.equal(3)
      expect(tenantKnex.stats().servers[0].used).to.equal(0)
    }))

  it('is joined by all of a Knex: raw, schema, streams, batches, transactions, seeds, migrations', () =>
    withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex }) => {
      const { ambient } = tenantKnex
      const migrationSource = {
        getMigrations: () => Promise.resolve([]),
        getMigrationName: (name: string) => name,
        getMigration: () => Promise.reject(lost),
      }
      const seed = async (knex: Knex) => void (await knex('items').insert(MINE))
      const seedSource = {
        getSeeds: () => Promise.resolve(['seed']),
        getSeed: () => Promise.resolve({ seed }),
      }
      const rows = await tenantKnex.run('a', () =>
        tenantKnex.transaction(async () => {
          await ambient.raw('INSERT INTO items (tenant, val) VALUES (?, ?)', ['mine', 7])
          await ambient.batchInsert('items', [MINE, MINE], 1)
          await ambient.transaction(async (trx) => trx('items').insert(MINE))
          const nested = await ambient.transaction()
          await nested('items').insert(MINE)
          await nested.rollback()
          const provided = await ambient.transactionProvider()()
          await provided('items').insert(MINE)
          await provided.commit()
          await ambient.seed.run({ seedSource } as unknown as Knex.SeederConfig)
          const config = { migrationSource, disableTransactions: true }
          const listed = await ambient.migrate.list(config as unknown as Knex.MigratorConfig)
          expect(listed).to.deep.equal([[], []])
          expect(await ambient.schema.hasTable('items')).to.equal(true)
          const streamed: unknown[] = []
          for await (const row of ambient('items').where(MINE).stream()) streamed.push(row)
          await ambient('items').insert(
            ambient('items')
              .select(ambient.raw('id + 100'), 'tenant', 'val')
              .where({ id: 1 }) as never,
          )
          return streamed
        }),
      )
      expect(rows).to.have.lengthOf(6)
      expect(await committed(tenantKnex, 'a')).to.equal(6)
      expect(await tenantKnex('a')('items').where({ id: 101 }).pluck('tenant')).to.deep.equal(['a'])
    }))

  it('rolls back all of it where the function fails, and rejects with its error', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      const { add } = service(tenantKnex)
      const error = await rejection(
        tenantKnex.run('a', () =>
          tenantKnex.transaction(async () => {
            await add()
            throw lost
          }),
        ),
      )
      expect(error).to.equal(lost)
      const thrown = await rejection(
        tenantKnex.run('a', () =>
          tenantKnex.transaction(() => {
            throw lost
          }),
        ),
      )
      expect(thrown).to.equal(lost)
      expect(await committed(tenantKnex, 'a')).to.equal(0)
    }))

  it('awaits inside what the function returns, a builder too, and commits with any result', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      await tenantKnex.run('a', () =>
        tenantKnex.transaction(() => tenantKnex.ambient('items').insert(MINE)),
      )
      expect(await tenantKnex.run('a', () => tenantKnex.transaction(() => undefined))).to.equal(
        undefined,
      )
      expect(await committed(tenantKnex, 'a')).to.equal(1)
    }))

  it('takes Knex’s configuration', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      const { add } = service(tenantKnex)
      const error = await rejection(
        tenantKnex.run('a', () => tenantKnex.transaction(add, { readOnly: true })),
      )
      expect(error).to.have.property('code', 'ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION')
    }))

  it('is a savepoint inside itself, which is undone by itself', () =>
    withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex }) => {
      const { add, count } = service(tenantKnex)
      await tenantKnex.run('a', () =>
        tenantKnex.transaction(async (outer) => {
          await add()
          await tenantKnex.transaction(async (inner) => {
            expect(inner).not.to.equal(outer)
            expect(tenantKnex.current()).to.equal(inner)
            await add()
          })
          const error = await rejection(
            tenantKnex.transaction(async () => {
              await add()
              await tenantKnex.transaction(add)
              expect(await count()).to.equal(4)
              throw lost
            }),
          )
          expect(error).to.equal(lost)
          expect(tenantKnex.current()).to.equal(outer)
          expect(await count()).to.equal(2)
        }),
      )
      expect(await committed(tenantKnex, 'a')).to.equal(2)
    }))

  it('is kept by `run` of the same tenant, left by another’s, and found again', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      const { add, count } = service(tenantKnex)
      const error = await rejection(
        tenantKnex.run('a', () =>
          tenantKnex.transaction(async (trx) => {
            await tenantKnex.run('a', add)
            await tenantKnex.run('b', async (b) => {
              expect(b).to.equal(tenantKnex('b')).and.equal(tenantKnex.current())
              await add()
              await tenantKnex.transaction(async (trxOfB) => {
                await add()
                await tenantKnex.run('a', async (a) => {
                  expect(a).to.equal(trx)
                  await add()
                  await tenantKnex.run('b', (again) => expect(again).to.equal(trxOfB))
                })
                expect(tenantKnex.current()).to.equal(trxOfB)
              })
              expect(tenantKnex.current()).to.equal(b)
            })
            expect(tenantKnex.current()).to.equal(trx)
            expect(await count()).to.equal(2)
            throw lost
          }),
        ),
      )
      expect(error).to.equal(lost)
      expect(await committed(tenantKnex, 'a')).to.equal(0)
      expect(await committed(tenantKnex, 'b')).to.equal(2)
    }))

  it('is kept by `restore` and by `each`; `capture` names its tenant', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      const { add, count } = service(tenantKnex)
      await tenantKnex.run('a', () =>
        tenantKnex.transaction(async () => {
          expect(tenantKnex.capture()).to.deep.equal({ tenant: 'a' })
          await tenantKnex.restore(tenantKnex.capture(), add)
          const results = await tenantKnex.each(['a', 'b', 'c'], async (knex) => {
            await add()
            return knex.isTransaction === true
          })
          expect(
            results.map((result) => result.status === 'fulfilled' && result.value),
          ).to.deep.equal([true, false, false])
          expect(await count()).to.equal(2)
          expect(await committed(tenantKnex, 'a')).to.equal(0)
          expect(await committed(tenantKnex, 'b')).to.equal(1)
        }),
      )
    }))

  it('is each one’s own where several run at once', () =>
    withTenants(server, { pool: { max: 6, maxPerTenant: 6 } }, async ({ tenantKnex }) => {
      const { add, count } = service(tenantKnex)
      const work = Array.from({ length: 30 }, async (_, index) => {
        const id = 'abc'[index % 3] as string
        return tenantKnex
          .run(id, () =>
            tenantKnex.transaction(async () => {
              const before = await count()
              await add()
              await sleep(index % 4)
              expect(await count()).to.equal(before + 1)
              if (index >= 15) throw lost
            }),
          )
          .catch((error) => expect(error).to.equal(lost))
      })
      await Promise.all(work)
      for (const id of 'abc') expect(await committed(tenantKnex, id)).to.equal(5)
    }))

  it('has the transaction’s cache as the ambient one, whose factories join it', () =>
    withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex }) => {
      const { add, count } = service(tenantKnex)
      const { ambient } = tenantKnex
      const { cache } = tenantKnex('a')
      await cache.set('k', 'old')
      await tenantKnex.run('a', () =>
        tenantKnex.transaction(async () => {
          await add()
          expect(await ambient.cache.get('k')).to.equal(undefined)
          expect(await ambient.cache.remember('n', {}, count)).to.equal(1)
          await ambient.cache.delete('k')
          expect(await cache.get('k')).to.equal('old')
        }),
      )
      expect(await cache.get('k')).to.equal(undefined)
      expect(await cache.get('n')).to.equal(undefined)
    }))

  it('is not joined by a factory whose value is kept for all', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      const { add, count } = service(tenantKnex)
      const { cache } = tenantKnex('a')
      await tenantKnex.run('a', () =>
        tenantKnex.transaction(async () => {
          await add()
          expect(await cache.remember('n', {}, count)).to.equal(0)
          const whose = await tenantKnex.sharedCache.remember('x', {}, async () => {
            return (await rejection((async () => tenantKnex.current())())).code
          })
          expect(whose).to.equal('ERR_NO_TENANT')
        }),
      )
    }))

  it('is not joined in a transaction of Knex’s own: there only `trx` is part of it', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      const { add } = service(tenantKnex)
      await tenantKnex.run('a', async (a) => {
        const undone = a.transaction(async (trx) => {
          expect(tenantKnex.current()).to.equal(a)
          await add()
          await trx('items').insert(MINE)
          throw lost
        })
        expect(await rejection(undone)).to.equal(lost)
      })
      expect(await committed(tenantKnex, 'a')).to.equal(1)
    }))

  it('fails what comes after its end, and says why; a new `run` goes on without it', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      const { add } = service(tenantKnex)
      const { ambient } = tenantKnex
      let end = () => {}
      const ended = new Promise<void>((resolve) => {
        end = resolve
      })
      const codeOf = async (use: () => unknown) => (await rejection((async () => use())())).code
      const { late } = await tenantKnex.run('a', () =>
        tenantKnex.transaction(async (trx) => {
          const made = [ambient('items').insert(MINE), ambient.schema, trx('items').insert(MINE)]
          const provide = ambient.transactionProvider()
          const { migrate, cache } = ambient
          const [insert, schema, own] = made as [PromiseLike<unknown>, Knex.SchemaBuilder, unknown]
          const work = async () => {
            await ended
            expect(tenantKnex.capture()).to.deep.equal({ tenant: 'a' })
            const codes = new Set<string>()
            for (const use of [
              () => insert,
              () => schema.hasTable('items'),
              () => own,
              () => provide(),
              () => migrate.list(),
              () => trx('items'),
              () => trx.transaction(),
              () => trx('items').stream(() => undefined),
              add,
              () => ambient.raw('SELECT 1'),
              () => ambient.transaction(),
              () => ambient.batchInsert('items', [MINE]),
              () => ambient.cache,
              () => tenantKnex.current(),
              () => tenantKnex.transaction(add),
            ]) {
              codes.add(await codeOf(use))
            }
            await cache.delete('k')
            await tenantKnex.run('a', async (a) => {
              expect(a).to.equal(tenantKnex('a'))
              await add()
              await tenantKnex.transaction(add)
            })
            await tenantKnex.run('b', add)
            return [...codes]
          }
          return { late: work() }
        }),
      )
      end()
      expect(await late).to.deep.equal(['ERR_TRANSACTION_OVER'])
      expect(await committed(tenantKnex, 'a')).to.equal(2)
      expect(await committed(tenantKnex, 'b')).to.equal(1)
    }))

  it('ends a stream that comes after its end, with an error', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      const begin = (): Promise<Knex.QueryBuilder[]> =>
        tenantKnex.run('a', () =>
          tenantKnex.transaction(async (trx) => [tenantKnex.ambient('items'), trx('items')]),
        )
      for (const late of await begin()) {
        expect(await rejection(read(late.stream()))).to.have.property(
          'code',
          'ERR_TRANSACTION_OVER',
        )
      }
      const named = await tenantKnex('a').transaction(async (trx) => ({ late: trx('items') }))
      expect((await rejection(read(named.late.stream()))).message).to.contain('already complete')
    }))

  it('is joined by a stream that nothing awaits inside, as by one of `trx`', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      const { ambient } = tenantKnex
      for (const ticks of [0, 1, 2, 3, 5, 8]) {
        const { streams } = await tenantKnex.run('a', () =>
          tenantKnex.transaction(async (trx) => {
            const begun = [ambient('items').stream(), trx('items').stream()]
            for (let tick = 0; tick < ticks; tick++) await undefined
            return { streams: begun }
          }),
        )
        for (const stream of streams) expect(await outcome(stream)).to.be.oneOf(ENDS)
      }
      const byAmbient = await tenantKnex.run('a', () =>
        tenantKnex.transaction(() => ambient('items').stream() as unknown),
      )
      const byTrx = await tenantKnex.run('a', () =>
        tenantKnex.transaction((trx) => trx('items').stream() as unknown),
      )
      expect(await outcome(byAmbient)).to.equal(await outcome(byTrx))
    }))

  it('is over where its function has ended it, and a savepoint with what is around it', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      const { add } = service(tenantKnex)
      const codes: string[] = []
      const addLate = async () => codes.push((await rejection((async () => add())())).code)
      await tenantKnex.run('a', () =>
        tenantKnex.transaction(async (trx) => {
          const inner = tenantKnex.transaction(async () => {
            await add()
            await trx.commit()
            await addLate()
          })
          await rejection(inner)
          await addLate()
        }),
      )
      await until('both are told', () => codes.length === 2) // it has ended before its function
      expect(codes).to.deep.equal(['ERR_TRANSACTION_OVER', 'ERR_TRANSACTION_OVER'])
      expect(await committed(tenantKnex, 'a')).to.equal(1)
    }))

  it('rejects without a tenant in scope, and without a function', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      expect(await rejection(tenantKnex.transaction(() => 1))).to.have.property(
        'code',
        'ERR_NO_TENANT',
      )
      const none = tenantKnex.run('a', () => tenantKnex.transaction({} as never))
      expect(await rejection(none)).to.have.property('code', 'ERR_OPTION_INVALID')
      expect(tenantKnex.stats().servers[0].connects).to.equal(0)
    }))

  it('that is lost fails, and what comes to join it', () =>
    withTenants(server, {}, async ({ tenantKnex, admin }) => {
      const { add } = service(tenantKnex)
      const error = await rejection(
        tenantKnex.run('a', () =>
          tenantKnex.transaction(async () => {
            await add()
            await admin.query('KILL ?', [tenantKnex.connections()[0]?.connectionId])
            expect(await rejection(add())).to.have.property('tenant', 'a')
            await add()
          }),
        ),
      )
      expect(error).to.have.property('code', 'ERR_CONNECTION_CLOSED')
      expect(await committed(tenantKnex, 'a')).to.equal(0)
    }))
})

onEachServer('a tenant whose transactions hold all that it may have', (server) => {
  const pool = { max: 6, maxPerTenant: 2, acquireTimeoutMillis: 300 }

  it('is told so by the timeout of a query outside of them', () =>
    withTenants(server, { pool }, async ({ tenantKnex }) => {
      await tenantKnex('b')('items')
      const error = await rejection(
        tenantKnex('a').transaction((one) =>
          tenantKnex('a').transaction(async (two) => {
            await one('items')
            await rejection(two('missing'))
            await tenantKnex('a')('items')
          }),
        ),
      )
      expect(error).to.have.property('code', 'ERR_ACQUIRE_TIMEOUT')
      expect(error.message).to.contain(
        'a may hold 2 of 6 connections now and holds 2, both in transactions; is a query outside its trx?',
      )
      const numbers = (error as unknown as { pool: object }).pool
      expect(numbers).to.include({ own: 2, inTransaction: 2, max: 6, limit: 2 })
      await until('all are free', () => tenantKnex.stats().servers[0].used === 0)
      expect(await tenantKnex('a')('items')).to.have.lengthOf(ITEMS)
    }))

  it('is told who holds the one connection there is, since when, and in which state', () =>
    withTenants(server, { pool: { max: 1, acquireTimeoutMillis: 300 } }, async ({ tenantKnex }) => {
      const inTransaction = await rejection(
        tenantKnex('b').transaction(async (trx) => {
          await trx('items')
          await tenantKnex('a')('items')
        }),
      )
      const [connection] = tenantKnex.connections()
      const { longestHeld } = (inTransaction as unknown as AcquireTimeoutError).pool
      expect(longestHeld).to.deep.include({
        tenant: 'b',
        connectionId: connection?.connectionId,
        isInTransaction: true,
      })
      expect(longestHeld?.heldMillis).to.be.above(0)
      expect(inTransaction.message).to.match(
        /The one connection \(\d+\) is held by tenant "b" for \d+ ms, in a transaction\./,
      )
      const slow = tenantKnex('b').raw('SELECT SLEEP(1)').then()
      const inStatement = await rejection(tenantKnex('a')('items'))
      expect(inStatement.message).to.match(/held by tenant "b" for \d+ ms, in no transaction\./)
      await slow
    }))

  it('is not told so where a statement holds one of them', () =>
    withTenants(server, { pool }, async ({ tenantKnex }) => {
      await tenantKnex('b')('items')
      const slow = tenantKnex('a').raw('SELECT SLEEP(1)').then()
      const error = await rejection(
        tenantKnex('a').transaction(() => tenantKnex('a')('items').first('id')),
      )
      expect(error.message)
        .to.contain('The pool is probably full')
        .and.not.contain('outside its trx')
      await slow
    }))
})
