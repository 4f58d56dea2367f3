import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { show } from '../../../src/base/option-checks.ts'
import { createTenantKnex } from '../../../src/index.ts'
import {
  createStormTables,
  dropStormTables,
  StormError,
  type StormOperation,
  type StormOptions,
  type StormReport,
  storm,
} from '../../../src/testing/index.ts'
import { WRITES } from '../../../src/testing/tables.ts'
import { onEachServer, rejection, type TestTenants, withTenants } from '../../support/tenants.ts'

const TENANTS = ['one', 'two', 'three']

/** A weight that is so high that each storm runs the operation. */
const often = (run: StormOperation['run']): Partial<StormOptions> => ({
  ownOperations: [{ name: 'own', weight: 30, run }],
})

onEachServer('a storm', (server) => {
  const withStorm = (test: (context: TestTenants) => Promise<void>, options: object = {}) =>
    withTenants(server, { tenants: [], pool: { max: 4 }, ...options }, async (context) => {
      const { admin, databaseOf, tenantKnex } = context
      for (const id of TENANTS) await admin.query('CREATE DATABASE ??', [databaseOf(id)])
      await createStormTables(tenantKnex, TENANTS)
      await test(context)
    })

  /** The report of a storm, even if the storm failed. */
  async function reportOf(
    { tenantKnex }: TestTenants,
    options: Partial<StormOptions>,
  ): Promise<StormReport> {
    try {
      return await storm({ tenantKnex, tenants: TENANTS, operations: 300, workers: 8, ...options })
    } catch (error) {
      if (error instanceof StormError) return error.report
      throw error
    }
  }

  /** Checks that a storm finds one problem. */
  const finds = (title: string, options: Partial<StormOptions>, message: RegExp) =>
    it(`finds ${title}`, () =>
      withStorm(async (context) => {
        const { violations } = await reportOf(context, options)
        expect(violations.map((violation) => violation.message).join('\n')).to.match(message)
      }))

  it('finds nothing wrong, and says what it did', () =>
    withStorm(async (context) => {
      const report = await reportOf(context, { operations: 2_000 })
      expect(report.violations).to.deep.equal([])
      expect(report.operations).to.equal(2_000)
      const counts = Object.values(report.byOperation)
      expect(counts.length).to.be.above(30)
      expect(counts.reduce((sum, count) => sum + count)).to.equal(2_000)
      expect(report.rows).to.be.above(2_000)
      expect(report.writes.acknowledged).to.be.above(300)
      expect(report.writes.denied).to.be.above(100)
      expect(report.heap?.early).to.be.a('number')
    }))

  it('runs again on the same databases, and leaves nothing when its tables are dropped', () =>
    withStorm(async (context) => {
      const { tenantKnex } = context
      for (const seed of [1, 2]) {
        expect((await reportOf(context, { seed })).violations).to.deep.equal([])
      }
      await createStormTables(tenantKnex, TENANTS)
      await dropStormTables(tenantKnex, TENANTS)
      const [tables] = await tenantKnex('one').raw('SHOW TABLES')
      expect(tables).to.deep.equal([])
    }))

  it('rejects with an error that has the report', () =>
    withStorm(async ({ tenantKnex }) => {
      const failing = often(async (own) => own.violate('a note of globex was read'))
      const error = await rejection(
        storm({ tenantKnex, tenants: TENANTS, operations: 300, ...failing }),
      )
      expect(error).to.be.instanceOf(StormError)
      expect(error.code).to.equal('ERR_STORM_FAILED')
      expect(error.message).to.match(/seed 1 failed: "own" of \w+: a note of globex was read/)
      const { report } = error as unknown as StormError
      expect(report.operations, 'it ended early').to.be.below(300)
      for (const [count, end] of [
        [1, /was read\.$/],
        [3, /was read \(and 2 more\)\.$/],
      ] as const) {
        const violations = Array(count).fill(report.violations[0])
        expect(new StormError({ ...report, violations }).message).to.match(end)
      }
    }))

  describe('with a row that crossed', () => {
    finds(
      'a row of another tenant',
      often(async (own) => {
        const other = own.tenantKnex(own.otherTenant)
        own.checkRows(await other('tenant_knex_storm_items').select('tenant', ...own.marks(other)))
      }),
      /a row of \w+ came back, from \w+, asked by storm:/,
    )
    finds(
      'an answer to another question',
      often(async (own) => {
        const { database: db } = own.tenantKnex(own.tenant).tenant
        own.checkRows([{ tenant: own.tenant, db, asker: 'storm:x:0:0' }])
      }),
      /a row of \w+ came back, from \w+, asked by storm:x:0:0/,
    )
    finds(
      "a write in another tenant's database",
      often(async (own) => {
        const { database } = own.tenantKnex(own.otherTenant).tenant
        const values = [database, WRITES, own.number, own.tag]
        await own.write(1, () =>
          own.knex.raw('INSERT INTO ??.?? (operation, part, tag) VALUES (?, 0, ?)', values),
        )
      }),
      /in the database of \w+: part 0 of operation \d+, which belongs to \w+/,
    )
    it('finds what a session was left with', () =>
      withStorm(
        async (context) => {
          const { violations } = await reportOf(context, {})
          expect(violations[0]?.message).to.match(/the session has the variable of tenant 77/)
        },
        { session: ["SET @tenant_knex_storm = 'storm:x:77:1'"] },
      ))
    finds(
      'a row that nobody reads and somebody changed',
      often(async ({ knex, otherTenant }) => {
        await knex('tenant_knex_storm').update({ tenant: otherTenant })
      }),
      /tenant_knex_storm of \w+ has 1 of \w+ rows/,
    )
  })

  describe('with a write that is not as claimed', () => {
    const insert: StormOperation['run'] = async ({ knex, number, tag }) => {
      await knex(WRITES).insert({ operation: number, part: 0, tag })
    }
    finds(
      'one that was acknowledged and is not there',
      often((own) => own.write(1, async () => undefined)),
      /operation \d+ of \w+: 0 of 1 rows are there, and all must be/,
    )
    finds(
      'half of one',
      often((own) => own.write(2, () => insert(own))),
      /operation \d+ of \w+: 1 of 2 rows are there, and all must be/,
    )
    finds(
      'one that is there twice',
      often((own) => own.write(1, () => insert(own).then(() => insert(own)))),
      /part 0 of operation \d+, 2 times/,
    )
    finds(
      'one that was undone and is there',
      often(async (own) => {
        own.deny()
        await insert(own)
      }),
      /operation \d+ of \w+: 1 of 0 rows are there, and none must be/,
    )
    finds(
      'one that nobody made',
      often(async ({ knex, number }) => {
        await knex(WRITES).insert({ operation: number, part: 0, tag: 'storm:old:0:1' })
      }),
      /part 0 of operation \d+, which no operation wrote/,
    )
  })

  describe('with trouble around it', () => {
    finds(
      'an operation that never settles',
      { ...often(() => new Promise(() => undefined)), timeoutMillis: 200 },
      /"own" of \w+: it did not settle within 200 ms/,
    )
    finds(
      'an error, where nothing was broken',
      often(async ({ knex }) => void (await knex('missing'))),
      /"own" of \w+: .*missing' doesn't exist/,
    )
    finds(
      'an error that is not of the database, also under faults',
      {
        ...often(async () => {
          throw new TypeError('of the application')
        }),
        faults: [{ name: 'nothing', strike: async () => undefined }],
      },
      /"own" of \w+: of the application/,
    )
    finds(
      'an error that names another tenant, also under faults',
      {
        ...often(
          async ({ tenantKnex, otherTenant }) => void (await tenantKnex(otherTenant)('missing')),
        ),
        faults: [{ name: 'nothing', strike: async () => undefined }],
      },
      /"own" of \w+: .*missing' doesn't exist/,
    )
    finds(
      'a fault that could not be made',
      {
        faults: [{ name: 'cut', strike: () => Promise.reject(new Error('no scissors')) }],
        faultEvery: 10,
      },
      /the fault "cut" could not be made/,
    )
    finds(
      'a heap that grows',
      often(
        (
          (kept: unknown[]) => async () =>
            void kept.push(new Array(300_000).fill(kept))
        )([]),
      ),
      /the heap grew by \d+ bytes/,
    )

    it('finds a rejection that nobody handled', () =>
      withStorm(async (context) => {
        const others = process.listeners('unhandledRejection')
        process.removeAllListeners('unhandledRejection')
        try {
          const lost = often(async () => void Promise.reject(new Error('lost')))
          const { violations } = await reportOf(context, { ...lost, operations: 50 })
          expect(violations[0]?.message).to.equal('an unhandled rejection')
          expect(violations[0]?.cause).to.have.property('message', 'lost')
          expect(process.listenerCount('unhandledRejection')).to.equal(0)
        } finally {
          for (const listener of others) process.on('unhandledRejection', listener)
        }
      }))

    it('counts what operations failed with under faults, and how they were struck', () =>
      withStorm(async (context) => {
        const report = await reportOf(context, {
          ...often(async ({ knex }) => void (await knex('missing'))),
          faults: [{ name: 'nothing', strike: async () => ({ idle: 2 }) }],
          faultEvery: 5,
        })
        expect(report.violations).to.deep.equal([])
        expect(report.errors['ER_NO_SUCH_TABLE failed']).to.be.above(10)
        const made = report.faults.nothing ?? 0
        expect(made).to.be.above(10)
        expect(report.struck).to.deep.equal({ nothing: { idle: 2 * made } })
      }))
  })

  describe('with a witness', () => {
    it('finds a statement that ran in the wrong database', () =>
      withStorm(async (context) => {
        const texts: string[] = []
        const { violations, witnessed } = await reportOf(context, {
          ...often(async ({ tag }) => void texts.push(`SELECT '${tag}'`)),
          witness: {
            statements: async () =>
              texts.splice(0).map((text) => ({ text, database: context.databaseOf('one') })),
          },
        })
        expect(witnessed).to.be.above(10)
        expect(violations[0]?.message).to.match(
          /the server ran a statement of operation \d+ in \w+_one, not in \w+_(two|three)/,
        )
      }))

    it('takes no offence at statements of its own tenant, of another run, or in no tenant’s database', () =>
      withStorm(async (context) => {
        const seen: { text: string; database: string }[] = []
        const { violations, witnessed } = await reportOf(context, {
          ...often(async ({ tag, tenant }) => {
            seen.push({ text: `/* ${tag} */`, database: context.databaseOf(tenant) })
            seen.push({ text: 'storm:other:0:1', database: 'elsewhere' })
            seen.push({ text: `/* ${tag} */`, database: 'information_schema' })
          }),
          witness: { statements: async () => seen.splice(0) },
        })
        expect(violations).to.deep.equal([])
        expect(witnessed).to.be.above(10)
      }))

    it('finds more connections than the pool may have, for longer than closing takes', () =>
      withStorm(async (context) => {
        let counts = 0
        const { violations, connections } = await reportOf(context, {
          ...often(() => sleep(600)),
          witness: {
            connections: async () => {
              counts++
              return 6 // the limit is four, and one beside the pool
            },
          },
        })
        expect(counts).to.be.above(2)
        expect(connections).to.equal(6)
        expect(violations[0]?.message).to.match(
          /the server has 6 connections of the pool, too many/,
        )
      }))

    finds(
      'a witness that fails',
      { witness: { statements: () => Promise.reject(new Error('asleep')) } },
      /the witness failed/,
    )
  })

  describe('where it must not be', () => {
    it('refuses a database without a mark, and one with the mark of another', () =>
      withTenants(server, {}, async ({ tenantKnex, admin, databaseOf }) => {
        // Only one database at a time is wrong, because all are checked at once.
        const mark = async (id: string, named: string) => {
          await admin.query('CREATE OR REPLACE VIEW ??.tenant_knex_storm AS SELECT ? AS tenant', [
            databaseOf(id),
            named,
          ])
        }
        await mark('b', 'b')
        const unmarked = await rejection(storm({ tenantKnex, tenants: ['a', 'b'] }))
        expect(unmarked).to.include({ code: 'ERR_STORM_REFUSED', tenant: 'a' })
        expect(unmarked.message).to.include('it has no row in a table `tenant_knex_storm`')
        await mark('a', 'a')
        await mark('b', 'a')
        const other = await rejection(storm({ tenantKnex, tenants: ['a', 'b'] }))
        expect(other).to.include({ code: 'ERR_STORM_REFUSED', tenant: 'b' })
        expect(other.message).to.include('names "a"')
      }))

    it('does not mark a database that has tables of its own', () =>
      withTenants(server, {}, async ({ tenantKnex }) => {
        const error = await rejection(createStormTables(tenantKnex, ['a']))
        expect(error).to.include({ code: 'ERR_STORM_REFUSED', tenant: 'a' })
        const [tables] = await tenantKnex('a').raw('SHOW TABLES')
        expect(tables).to.have.lengthOf(1)
      }))
  })
})

describe('options of a storm', () => {
  const tenantKnex = createTenantKnex({ connection: {} })
  const wrong: [object, RegExp][] = [
    [{ tenantKnex: {} }, /`tenantKnex` must be/],
    [{ tenantKnex: tenantKnex('a') }, /`tenantKnex` must be/],
    [{ tenantKnex: tenantKnex.ambient }, /`tenantKnex` must be/],
    [{ tenants: ['a'] }, /`tenants` must be a list of two or more/],
    [{ tenants: ['a', 'a'] }, /each once/],
    [{ operations: 0 }, /`operations` must be a whole number from 1/],
    [{ workers: 1.5 }, /`workers` must be/],
    [{ seed: -1 }, /`seed` must be/],
    [{ faultEvery: 0 }, /`faultEvery` must be/],
    [{ timeoutMillis: Number.NaN }, /`timeoutMillis` must be/],
    [{ fautls: [] }, /`fautls` is unknown/],
  ]
  for (const [options, message] of wrong) {
    it(`are checked: ${Object.keys(options)}: ${show(Object.values(options)[0])}`, async () => {
      const error = await rejection(storm({ tenantKnex, tenants: ['a', 'b'], ...options }))
      expect(error.code).to.equal('ERR_OPTION_INVALID')
      expect(error.message).to.match(message)
    })
  }
})
