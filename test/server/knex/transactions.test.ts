import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import type { Knex } from 'knex'
import { ITEMS, onEachServer, rejection, until, withTenants } from '../../support/tenants.ts'
import { type Run, sameAsPlain } from './same-as-plain.ts'

const MINE = { tenant: 'mine', val: 0 }

/** What became of a promise. */
async function fate(promise: PromiseLike<unknown>): Promise<unknown> {
  return Promise.resolve(promise).then(
    (value) => ({ value }),
    (error: Error & { code?: string }) => ({ code: error.code, message: error.message }),
  )
}

const cases: [string, Run][] = [
  [
    'an isolation level of its own',
    async (knex) => [
      await repeatedRead(knex, 'read uncommitted'),
      await repeatedRead(knex, 'read committed'),
      await repeatedRead(knex, 'serializable'),
    ],
  ],
  [
    'read only: nothing can be written, and the next transaction can',
    async (knex) => {
      const write = (trx: Knex) => trx('items').insert(MINE)
      return [
        await fate(knex.transaction((trx) => trx('items').count(), { readOnly: true })),
        await fate(knex.transaction(write, { readOnly: true })),
        await fate(knex.transaction(write)),
        await knex('items').count(),
      ]
    },
  ],
  [
    'a provider begins one transaction, when first asked',
    async (knex) => {
      const provide = knex.transactionProvider()
      const [one, two] = await Promise.all([provide(), provide()])
      await one('items').insert(MINE)
      const seen = await two('items').count()
      await one.rollback()
      return [one === two, seen, two.isCompleted(), await knex('items').count()]
    },
  ],
  [
    'nested ones are undone by themselves',
    async (knex) => {
      const result = await knex.transaction(async (trx) => {
        await trx('items').insert({ ...MINE, id: 10 })
        const inner = await trx.transaction()
        await inner('items').insert({ ...MINE, id: 11 })
        const innermost = await inner.transaction()
        await innermost('items').insert({ ...MINE, id: 12 })
        await innermost.rollback()
        await inner.commit()
        const lost = await fate(
          trx.savepoint(async (other) => {
            await other('items').insert({ ...MINE, id: 13 })
            throw new Error('lost')
          }),
        )
        return [lost, trx.isTransaction, inner.isTransaction, await trx('items').pluck('id')]
      })
      return [result, await knex('items').orderBy('id').pluck('id')]
    },
  ],
  [
    'a handle: its promise, its state, and what it says when it is over',
    async (knex) => {
      const commited = await knex.transaction()
      const before = commited.isCompleted()
      await commited.commit('result')
      const rolled = await knex.transaction(undefined, { doNotRejectOnRollback: false })
      const rejected = fate(rolled.executionPromise)
      await fate(rolled.rollback(new Error('why')))
      const quiet = await knex.transaction(undefined, { doNotRejectOnRollback: true })
      await quiet.rollback(new Error('unheard'))
      return [
        before,
        commited.isCompleted(),
        await fate(commited.executionPromise),
        await rejected,
        await fate(quiet.executionPromise),
        await fate(commited('items')),
        await fate(commited.commit()),
      ]
    },
  ],
  [
    'a rollback without a reason, and a function that throws before it awaits',
    async (knex) => [
      await fate(knex.transaction(async (trx) => trx.rollback())),
      await fate(knex.transaction(async (trx) => trx.rollback(new Error('mine')))),
      await fate(
        knex.transaction(() => {
          throw new Error('early')
        }),
      ),
      await fate(knex.transaction(async (trx) => trx.commit(7))),
    ],
  ],
  [
    'old style: a function that commits by itself and returns nothing',
    async (knex) => [
      await knex.transaction((trx) => {
        trx('items')
          .insert(MINE)
          .then(() => trx.commit('done'), trx.rollback)
      }),
      await knex('items').count(),
    ],
  ],
  [
    'builders, raw statements, schema and batchInsert put into one',
    async (knex) => {
      const trx = await knex.transaction()
      await knex('items').transacting(trx).insert(MINE)
      await knex.raw('UPDATE items SET val = 7').transacting(trx)
      await knex.batchInsert('items', [MINE, MINE]).transacting(trx)
      const seen = await knex('items').transacting(trx).sum('val').count()
      await trx.rollback()
      return [seen, await knex('items').sum('val').count()]
    },
  ],
  [
    'userParams, queryContext and configuration are those of the Knex',
    async (knex) => {
      const params = knex.withUserParams({ who: 'me' })
      return params.transaction(async (trx) => [trx.userParams, trx.client.config.client])
    },
  ],
  [
    'a stream inside',
    async (knex) =>
      knex.transaction(async (trx) => {
        await trx('items').insert(MINE)
        const ids: number[] = []
        for await (const { id } of trx('items').orderBy('id').stream()) ids.push(id)
        return ids
      }),
  ],
]

/** What a transaction sees of a row that another one changes and commits meanwhile. */
async function repeatedRead(
  knex: Knex,
  isolationLevel: Knex.IsolationLevels,
): Promise<[Knex.IsolationLevels, unknown[]]> {
  const trx = await knex.transaction({ isolationLevel })
  const read = () => trx('items').where({ id: 1 }).pluck('val')
  const first = await read()
  const other = await knex.transaction()
  await other.raw('SET innodb_lock_wait_timeout = 1')
  const written = await fate(other('items').where({ id: 1 }).increment('val', 1))
  const dirty = await read()
  await other.rollback()
  await trx.rollback()
  return [isolationLevel, [first, written, dirty]]
}

onEachServer('a transaction of a bound Knex does what plain Knex’s does', (server) => {
  for (const [name, run] of cases) {
    it(name, () => sameAsPlain(server, run, { pool: { max: 3 } }))
  }

  it('runs on a connection that it is given, and leaves it to its holder', () =>
    sameAsPlain(server, async (knex) => {
      const connection = await knex.client.acquireConnection()
      try {
        const inside = await knex.transaction(
          async (trx) => {
            await trx('items').insert(MINE)
            return trx('items').count()
          },
          { connection } as Knex.TransactionConfig,
        )
        return [inside, await knex('items').connection(connection).count()]
      } finally {
        await knex.client.releaseConnection(connection)
      }
    }))

  it('whose COMMIT fails says so where it is ended by hand, also a savepoint; nobody has to listen', () =>
    withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex, admin }) => {
      const stray: unknown[] = []
      const onStray = (error: unknown) => void stray.push(error)
      process.on('unhandledRejection', onStray)
      for (const isAwaited of [true, false]) {
        for (const isNested of [true, false]) {
          const outer = await tenantKnex('a').transaction()
          const trx = isNested ? await outer.transaction() : outer
          await trx('items').insert(MINE)
          const [connection] = tenantKnex.connections()
          await admin.query('KILL ?', [connection?.connectionId])
          const commit = trx.commit()
          if (isAwaited) {
            const error = await rejection(commit)
            expect(error).to.include({ tenant: 'a' }).and.have.property('outcome')
          }
          await rejection(trx.executionPromise)
          if (isNested) await outer.rollback()
        }
      }
      process.off('unhandledRejection', onStray)
      expect(stray).to.deep.equal([])
      const trx = await tenantKnex('a').transaction()
      await trx('items').insert(MINE)
      await trx.commit()
      await trx.commit() // as in Knex, once more does nothing
      const rows = await tenantKnex('a')('items').count({ n: '*' })
      expect(rows).to.deep.equal([{ n: ITEMS + 1 }])
    }))

  it('that is lost fails a ROLLBACK that user code sends itself', () =>
    withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex, admin }) => {
      const trx = await tenantKnex('a').transaction()
      await admin.query('KILL ?', [tenantKnex.connections()[0]?.connectionId])
      await rejection(trx('items'))
      expect(await rejection(trx.raw('ROLLBACK'))).to.include({ code: 'ERR_CONNECTION_CLOSED' })
      await trx.rollback()
      expect(await tenantKnex('b')('items').first('tenant')).to.deep.equal({ tenant: 'b' })
    }))

  it('of many tenants at once sees and changes its own rows only', () =>
    withTenants(server, { pool: { max: 3 } }, async ({ tenantKnex }) => {
      const ids = ['a', 'b', 'c']
      const work = Array.from({ length: 30 }, async (_, index) => {
        const id = ids[index % 3] as string
        await tenantKnex(id)
          .transaction(async (trx) => {
            await trx('items').insert({ tenant: id, val: 1 })
            await sleep(index % 4)
            expect(await trx('items').distinct().pluck('tenant')).to.deep.equal([id])
            if (index >= 15) throw new Error('undone')
          })
          .catch((error) => expect(error.message).to.equal('undone'))
      })
      await Promise.all(work)
      for (const id of ids) {
        expect(await tenantKnex(id)('items').count({ n: '*' }).first()).to.deep.equal({
          n: ITEMS + 5,
        })
      }
    }))

  it('that nobody ends keeps its connection, and the pool gets it back at the end', () =>
    withTenants(server, { pool: { max: 2 } }, async ({ tenantKnex }) => {
      const trx = await tenantKnex('a').transaction()
      await trx('items').insert({ tenant: 'a', val: 1 })
      expect(await tenantKnex('b')('items').count({ n: '*' }).first()).to.deep.equal({ n: ITEMS })
      const error = await rejection(trx.raw('SELECT * FROM missing'))
      expect(error).to.include({ code: 'ER_NO_SUCH_TABLE', tenant: 'a' })
      await trx.commit()
      await until('both are free', () => tenantKnex('a').client.pool.numUsed() === 0)
    }))
})
