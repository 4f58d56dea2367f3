import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { expect } from 'chai'
import type { RowDataPacket } from 'mysql2'
import type { BoundKnex } from '../../../src/index.ts'
import {
  ITEMS,
  type Item,
  onEachServer,
  rejection,
  type TestServer,
  until,
  urlOptions,
  withTenants,
} from '../../support/tenants.ts'

/** Runs a test through a bound Knex whose connection belonged to another tenant before. */
function withKnex(server: TestServer, test: (knex: BoundKnex) => Promise<void>): Promise<void> {
  return withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex }) => {
    await tenantKnex('a')('items')
    await test(tenantKnex('b'))
    expect(await tenantKnex('a')('items').distinct().pluck('tenant')).to.deep.equal(['a'])
    expect(await tenantKnex('a')('items').sum({ val: 'val' }).first()).to.have.property('val', '0')
  })
}

const OF_B = { tenant: 'b', val: 0 }

onEachServer('through a bound Knex', (server) => {
  describe('queries', () => {
    it('select: where, order, limit, first, pluck, aggregates, group, having, distinct', () =>
      withKnex(server, async (knex) => {
        const rows = await knex<Item>('items').where('id', '>', 1).orderBy('id', 'desc').limit(2)
        expect(rows).to.deep.equal([
          { id: 5, ...OF_B },
          { id: 4, ...OF_B },
        ])
        expect(await knex('items').first('tenant')).to.deep.equal({ tenant: 'b' })
        expect(await knex('items').max({ id: 'id' }).count({ n: '*' })).to.deep.equal([
          { id: ITEMS, n: ITEMS },
        ])
        const groups = await knex('items')
          .select('tenant')
          .groupBy('tenant')
          .having('tenant', '=', 'b')
        expect(groups).to.deep.equal([{ tenant: 'b' }])
      }))

    it('insert, update, increment, delete, upsert, truncate', () =>
      withKnex(server, async (knex) => {
        const [id] = await knex('items').insert({ tenant: 'b', val: 7 })
        expect(await knex('items').where({ id }).update({ val: 8 })).to.equal(1)
        await knex('items').insert({ id, tenant: 'b', val: 9 }).onConflict('id').merge()
        expect(await knex('items').where({ id }).pluck('val')).to.deep.equal([9])
        expect(await knex('items').where({ id }).del()).to.equal(1)
        await knex('items').truncate()
        expect(await knex('items')).to.deep.equal([])
      }))

    it('joins, sub-queries, unions, CTEs', () =>
      withKnex(server, async (knex) => {
        const inner = knex('items').select('id').where('id', '<', 3)
        expect(await knex('items').whereIn('id', inner).pluck('tenant')).to.deep.equal(['b', 'b'])
        const joined = await knex('items as x').join('items as y', 'x.id', 'y.id').pluck('y.tenant')
        expect(new Set(joined)).to.deep.equal(new Set(['b']))
        const union = await knex('items')
          .where({ id: 1 })
          .union(knex('items').where({ id: 2 }))
        expect(union.map((row) => row.tenant)).to.deep.equal(['b', 'b'])
        const cte = await knex.with('few', inner).select('*').from('few')
        expect(cte).to.have.lengthOf(2)
        const [copied] = await knex('items').insert(knex.select(knex.raw("100, 'b', 5")))
        expect(copied).to.be.a('number')
      }))

    it('raw, ref, fn, batchInsert, toSQL', () =>
      withKnex(server, async (knex) => {
        const [rows] = await knex.raw('SELECT ?? FROM items WHERE id = :id'.replace(':id', '?'), [
          'tenant',
          1,
        ])
        expect(rows).to.deep.equal([{ tenant: 'b' }])
        await knex.batchInsert(
          'items',
          Array.from({ length: 25 }, () => OF_B),
          10,
        )
        expect(
          await knex('items')
            .where('tenant', knex.raw('?', ['b']))
            .count({ n: '*' }),
        ).to.deep.equal([{ n: ITEMS + 25 }])
        expect(knex('items').where({ id: 1 }).toSQL().sql).to.equal(
          'select * from `items` where `id` = ?',
        )
        expect(`${knex('items').where({ id: 1 })}`).to.equal('select * from `items` where `id` = 1')
      }))

    it('a first statement larger than one packet of the protocol', () =>
      withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex, admin }) => {
        const [[global]] = await admin.query<RowDataPacket[]>(
          'SELECT @@max_allowed_packet AS bytes',
        )
        await admin.query('SET GLOBAL max_allowed_packet = 64 * 1024 * 1024')
        await tenantKnex('a')('items')
        const big = 'x'.repeat(17 * 1024 * 1024)
        const [rows] = await tenantKnex('b').raw('SELECT LENGTH(?) AS n, DATABASE() AS db', [big])
        await admin.query('SET GLOBAL max_allowed_packet = ?', [global?.bytes])
        expect(rows[0].n).to.equal(big.length)
        expect(rows[0].db).to.equal(tenantKnex('b').tenant.database)
      }))
  })

  describe('schema', () => {
    it('tells of the tenant’s own tables, at first use', () =>
      withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex }) => {
        await tenantKnex('a').schema.createTable('only_a', (table) => {
          table.increments('id')
          table.string('name').notNullable()
        })
        expect(await tenantKnex('b').schema.hasTable('only_a')).to.equal(false)
        expect(await tenantKnex('b').schema.hasTable('items')).to.equal(true)
        expect(await tenantKnex('b').schema.hasColumn('items', 'val')).to.equal(true)
        expect(await tenantKnex('b')('only_a').columnInfo()).to.deep.equal({})
        const info = await tenantKnex('a')('only_a').columnInfo()
        expect(Object.keys(info)).to.deep.equal(['id', 'name'])
        expect(await tenantKnex('c')('items').columnInfo('val')).to.include({ type: 'int' })
      }))

    it('creates, alters, renames and drops tables there', () =>
      withKnex(server, async (knex) => {
        await knex.schema.createTable('notes', (table) => {
          table.increments('id')
          table.integer('item').references('items.id')
        })
        await knex.schema.alterTable('notes', (table) => void table.string('text'))
        await knex.schema.renameTable('notes', 'remarks')
        await knex('remarks').insert({ item: 1, text: 'x' })
        expect(await knex('remarks').pluck('text')).to.deep.equal(['x'])
        await knex.schema.dropTable('remarks')
        expect(await knex.schema.hasTable('remarks')).to.equal(false)
      }))
  })

  describe('transactions', () => {
    it('have the tenant of their Knex, nested ones too', () =>
      withKnex(server, async (knex) => {
        const tenantOf = (trx: object) => (trx as { tenant?: unknown }).tenant
        await knex.transaction(async (trx) => {
          expect(tenantOf(trx)).to.equal(knex.tenant)
          await trx.transaction(async (inner) => expect(tenantOf(inner)).to.equal(knex.tenant))
        })
        const trx = await knex.transaction()
        expect(tenantOf(trx)).to.equal(knex.tenant)
        await trx.rollback()
        const provided = await knex.transactionProvider()()
        expect(tenantOf(provided)).to.equal(knex.tenant)
        await provided.rollback()
      }))

    it('commit and roll back, by callback', () =>
      withKnex(server, async (knex) => {
        const result = await knex.transaction(async (trx) => {
          await trx('items').insert(OF_B)
          return trx('items').count({ n: '*' }).first()
        })
        expect(result).to.deep.equal({ n: ITEMS + 1 })
        const error = await rejection(
          knex.transaction(async (trx) => {
            await trx('items').del()
            throw new Error('no')
          }),
        )
        expect(error.message).to.equal('no')
        expect(await knex('items')).to.have.lengthOf(ITEMS + 1)
      }))

    it('by handle, with builders of the bound Knex put into them', () =>
      withKnex(server, async (knex) => {
        const trx = await knex.transaction()
        await knex('items').where({ id: 1 }).transacting(trx).del()
        await knex.raw('UPDATE items SET val = 3').transacting(trx)
        expect(await trx('items').pluck('val')).to.deep.equal([3, 3, 3, 3])
        expect(trx.isCompleted()).to.equal(false)
        await trx.rollback()
        expect(trx.isCompleted()).to.equal(true)
        expect(await knex('items')).to.have.lengthOf(ITEMS)
      }))

    it('with savepoints', () =>
      withKnex(server, async (knex) => {
        await knex.transaction(async (trx) => {
          await trx('items').where({ id: 1 }).del()
          await rejection(
            trx.transaction(async (inner) => {
              await inner('items').where({ id: 2 }).del()
              throw new Error('inner')
            }),
          )
          await trx.savepoint(async (inner) => {
            await inner('items').where({ id: 3 }).del()
          })
        })
        expect(await knex('items').orderBy('id').pluck('id')).to.deep.equal([2, 4, 5])
      }))

    it('go on after an error inside, and keep what they did before', () =>
      withKnex(server, async (knex) => {
        await knex.transaction(async (trx) => {
          await trx('items').insert({ id: 100, ...OF_B })
          const error = await rejection(trx('items').insert({ id: 100, ...OF_B }))
          expect(error).to.include({ code: 'ER_DUP_ENTRY', tenant: 'b', outcome: 'failed' })
          await trx('items').insert({ id: 101, ...OF_B })
        })
        expect(await knex('items').where('id', '>', 99).orderBy('id').pluck('id')).to.deep.equal([
          100, 101,
        ])
      }))

    it('with isolation level', () =>
      withKnex(server, async (knex) => {
        const rows = await knex.transaction((trx) => trx('items').where({ id: 1 }), {
          isolationLevel: 'read committed',
        })
        expect(rows).to.deep.equal([{ id: 1, ...OF_B }])
      }))
  })

  describe('streams', () => {
    it('by for await, pipe, and handler', () =>
      withKnex(server, async (knex) => {
        const seen: Item[] = []
        for await (const row of knex<Item>('items').stream()) seen.push(row)
        const writable = () =>
          new Writable({
            objectMode: true,
            write(row: Item, _encoding, done) {
              seen.push(row)
              done()
            },
          })
        await pipeline(knex('items').stream(), writable())
        await new Promise((resolve, reject) =>
          knex('items').pipe(writable()).on('finish', resolve).on('error', reject),
        )
        await knex('items').stream((stream) => void stream.pipe(writable()))
        expect(seen).to.have.lengthOf(4 * ITEMS)
        expect(new Set(seen.map((row) => row.tenant))).to.deep.equal(new Set(['b']))
      }))

    it('to a handler, reject where the statement could not be sent', () =>
      withTenants(server, {}, async ({ tenantKnex }) => {
        const missing = tenantKnex('missing')
        const unheard = await rejection(missing('items').stream((stream) => void stream.resume()))
        expect(unheard).to.include({ code: 'ERR_TENANT_DATABASE_MISSING', outcome: 'not-sent' })
        const heard: unknown[] = []
        await missing('items').stream((stream) => void stream.on('error', (e) => heard.push(e)))
        expect(heard).to.have.lengthOf(1).and.have.nested.property('0.code', unheard.code)
      }))

    it('cut half-way, give their connection to the next one when it is quiet', () =>
      withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex, connectionsSeen }) => {
        for (let round = 0; round < 20; round++) {
          for (const id of ['a', 'b']) {
            const numbers = tenantKnex(id)('items as x')
              .crossJoin(tenantKnex(id).raw('items as y'))
              .crossJoin(tenantKnex(id).raw('items as z'))
            for await (const row of numbers.select('x.tenant').stream({ highWaterMark: 2 })) {
              expect(row.tenant).to.equal(id)
              break
            }
          }
        }
        expect(await tenantKnex('c')('items').distinct().pluck('tenant')).to.deep.equal(['c'])
        expect(await connectionsSeen()).to.equal(1)
      }))

    it('that fail emit the server’s error, and leave the pool working', () =>
      withKnex(server, async (knex) => {
        const stream = knex('missing').stream()
        const error = await rejection(
          new Promise((_resolve, reject) => stream.on('error', reject).resume()),
        )
        expect(error).to.include({ code: 'ER_NO_SUCH_TABLE', tenant: 'b', outcome: 'failed' })
        await until('the connection is free', () => knex.client.pool.numUsed() === 0)
      }))
  })

  describe('what Knex configures', () => {
    it('wrapIdentifier and postProcessResponse apply', () =>
      withTenants(
        server,
        {
          wrapIdentifier: (value, wrap) => wrap(value.toLowerCase()),
          postProcessResponse: (result) =>
            Array.isArray(result) ? result.map((row) => ({ ...row, seen: true })) : result,
        },
        async ({ tenantKnex }) => {
          expect(await tenantKnex('a')('ITEMS').where({ ID: 1 })).to.deep.equal([
            { id: 1, tenant: 'a', val: 0, seen: true },
          ])
        },
      ))

    it('the version is the server’s', () =>
      withKnex(server, async (knex) => {
        expect(knex.client.version).to.match(/^\d+\.\d+\.\d+$/)
        expect(knex.client.isMariaDB).to.equal(server.name === 'MariaDB')
      }))

    it('asyncStackTraces begin at the call that made the statement', () =>
      withTenants(server, { asyncStackTraces: true }, async ({ tenantKnex }) => {
        const knex = tenantKnex('a')
        for (const statement of [
          knex('missing'),
          knex.raw('SELECT missing'),
          knex.schema.dropTable('missing'),
        ]) {
          const { stack = '' } = await rejection(statement)
          const [, ...calls] = stack.split('\n').slice(0, 4)
          expect(calls.join()).to.contain('queries.test.ts').and.not.contain('tenant-client')
        }
      }))

    it('events tell once, on the bound Knex and on the ambient one', () =>
      withTenants(server, {}, async ({ tenantKnex }) => {
        const heard: string[] = []
        for (const [name, knex] of [
          ['a', tenantKnex('a')],
          ['b', tenantKnex('b')],
          ['all', tenantKnex.ambient],
        ] as const) {
          knex.on('query', ({ sql }) => heard.push(`${name}: ${sql}`))
        }
        await tenantKnex('a').select(tenantKnex('a').raw('1'))
        await tenantKnex('b').transaction(async (trx) => void (await trx.select(trx.raw('2'))))
        expect(heard).to.deep.equal([
          'a: select 1',
          'all: select 1',
          'b: BEGIN;',
          'all: BEGIN;',
          'b: select 2',
          'all: select 2',
          'b: COMMIT;',
          'all: COMMIT;',
        ])
      }))

    it('a query that takes too long is cancelled, and the connection goes on', () =>
      withKnex(server, async (knex) => {
        const error = await rejection(knex.raw('SELECT SLEEP(30)').timeout(100, { cancel: true }))
        expect(error.name).to.equal('KnexTimeoutError')
        expect(await knex('items').first('tenant')).to.deep.equal({ tenant: 'b' })
      }))

    it('a query that takes too long and cannot be cancelled has an unknown outcome', () => {
      const settings = urlOptions(server.url)
      let isGone = false
      const connection = () => ({
        ...settings,
        port: isGone ? 1 : settings.port,
        expirationChecker: () => isGone,
      })
      return withTenants(server, { connection }, async ({ tenantKnex }) => {
        await tenantKnex('a')('items')
        isGone = true
        const query = tenantKnex('a').raw('SELECT SLEEP(0.5)').timeout(100, { cancel: true })
        const error = await rejection(query)
        expect(error.message).to.match(/^After query timeout of 100ms exceeded, cancelling/)
        expect(error).to.have.nested.property('cause.code', 'ERR_SERVER_UNREACHABLE')
        expect(error.outcome).to.equal('unknown')
      })
    })

    it('migrations run in the tenant’s database, beside those of others', () =>
      withTenants(server, {}, async ({ tenantKnex }) => {
        const migrationSource = {
          getMigrations: async () => ['one'],
          getMigrationName: (name: string) => name,
          getMigration: async () => ({
            up: (knex: BoundKnex) =>
              knex.schema.createTable('made', (table) => void table.increments()),
            down: async () => undefined,
          }),
        }
        await Promise.all(
          ['a', 'b'].map((id) => tenantKnex(id).migrate.latest({ migrationSource } as never)),
        )
        for (const [id, has] of [
          ['a', true],
          ['b', true],
          ['c', false],
        ] as const) {
          expect(await tenantKnex(id).schema.hasTable('made'), id).to.equal(has)
        }
      }))
  })
})
