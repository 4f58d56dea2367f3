import { expect } from 'chai'
import { Claims } from '../../../src/testing/claims.ts'
import { createStormTables } from '../../../src/testing/index.ts'
import { BUILT_READ_OPERATIONS } from '../../../src/testing/operations/built.ts'
import { CANCELLATION_OPERATIONS } from '../../../src/testing/operations/cancellations.ts'
import { READ_OPERATIONS } from '../../../src/testing/operations/reads.ts'
import { OPERATIONS } from '../../../src/testing/operations.ts'
import { StormContext, StormViolation } from '../../../src/testing/storm-operation.ts'
import { ITEMS, SHADE, WRITES } from '../../../src/testing/tables.ts'
import { withProxy } from '../../support/proxy.ts'
import {
  onEachServer,
  rejection,
  type TestTenants,
  until,
  withTenants,
} from '../../support/tenants.ts'

const TENANTS = ['one', 'two']

/** The lowest and the highest random numbers. */
const LOW = 0
const HIGH = 0.999

onEachServer('an operation of a storm', (server) => {
  const withTables = (test: (context: TestTenants) => Promise<void>, options: object = {}) =>
    withTenants(server, { tenants: [], pool: { max: 1 }, ...options }, async (context) => {
      const { admin, databaseOf, tenantKnex } = context
      for (const id of TENANTS) await admin.query('CREATE DATABASE ??', [databaseOf(id)])
      await createStormTables(tenantKnex, TENANTS)
      await test(context)
    })

  /** Runs an operation of the first tenant, with these random numbers one after another. */
  const run = async (
    { tenantKnex }: TestTenants,
    name: string,
    draws: readonly number[] = [],
  ): Promise<void> => {
    const [tenant = '', otherTenant = ''] = TENANTS
    const claims = new Claims(1)
    claims.begin(1, 0)
    let drawn = 0
    const context = new StormContext({
      ...{ tenantKnex, tenants: TENANTS, tenant, otherTenant, claims },
      ...{ isAmbient: false, isCalm: true, run: 'test', number: 1 },
      random: () => draws[drawn++] ?? LOW,
      onRows: () => undefined,
    })
    await OPERATIONS.find((operation) => operation.name === name)?.run(context)
  }

  describe('that reads', () => {
    for (const { name } of [...READ_OPERATIONS, ...BUILT_READ_OPERATIONS]) {
      if (name === 'look at columns') continue
      it(`finds a row of another tenant: ${name}`, () =>
        withTables(async (context) => {
          await run(context, name)
          for (const table of [ITEMS, SHADE]) {
            await context.tenantKnex('one')(table).update({ tenant: 'two' })
          }
          const error = await rejection(run(context, name))
          expect(error).to.be.instanceOf(StormViolation)
          expect(error.message).to.match(/^a row of two came back/)
        }))
    }
  })

  describe('that is given up', () => {
    for (const [name, draws] of [
      ['read with a timeout', (isCancelled: boolean) => [LOW, isCancelled ? LOW : HIGH]],
      ['write with a timeout', (isCancelled: boolean) => [isCancelled ? LOW : HIGH, LOW]],
    ] as const) {
      it(`has its statement ended, or its connection, as it is drawn: ${name}`, () =>
        withTables(async (context) => {
          const stats = () => context.tenantKnex.stats().servers[0]
          await run(context, name, draws(true))
          await until('it is given back', () => stats().idle === 1)
          expect(stats().discards, 'cancelled').to.equal(0)
          await run(context, name, draws(false))
          await until('it is closed', () => stats().discards === 1)
        }))
    }

    it('fails as any other if it fails for another reason', () =>
      withTables(async (context) => {
        for (const table of [ITEMS, WRITES]) await context.tenantKnex('one').schema.dropTable(table)
        for (const { name } of CANCELLATION_OPERATIONS) {
          await until(`it is not too late to be told: ${name}`, async () => {
            const error = await run(context, name, [HIGH, HIGH]).catch((failure) => failure)
            if (error === undefined) return false
            expect(error).to.have.property('code', 'ER_NO_SUCH_TABLE')
            return true
          })
        }
      }))
  })

  it('that never ends a transaction begins it as it is drawn', () =>
    withProxy(server.url, (proxy) =>
      withTables(
        async (context) => {
          for (const [draw, begin] of [
            [LOW, 'START TRANSACTION'],
            [HIGH, 'SET autocommit = 0'],
          ] as const) {
            proxy.sent.length = 0
            await run(context, 'never ended', [draw])
            expect(String(Buffer.concat(proxy.sent))).to.contain(begin)
          }
        },
        { connection: proxy.url },
      ),
    ))
})
