import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import type { TenantKnex, TenantKnexOptions } from '../../../src/index.ts'
import { withClockAhead } from '../../support/clock.ts'
import { listening } from '../../support/diagnostics.ts'
import { withProxy } from '../../support/proxy.ts'
import {
  onEachServer,
  rejection,
  type TestServer,
  until,
  urlOptions,
  withTenants,
} from '../../support/tenants.ts'

onEachServer('tenants that share a pool', (server) => {
  describe('when a tenant takes a connection that was another’s', () => {
    it('then one more is opened, up to the most there may be, and nobody waits for it', () =>
      withTenants(server, { pool: { max: 3 } }, async ({ tenantKnex, connectionsSeen }) => {
        const stats = () => tenantKnex.stats().servers[0]
        await tenantKnex('a')('items')
        await tenantKnex('b')('items')
        expect(stats(), 'nobody has come back yet').to.include({ waits: 1, connects: 1 })
        await comeBack(tenantKnex, 'ab')
        expect(stats()).to.include({ waits: 1, connects: 2 })
        await until('it is open', () => stats().idle === 2)
        await comeBack(tenantKnex, 'abc')
        await until('the last one is open', () => stats().idle === 3)
        for (const id of ['a', 'b', 'c', 'a', 'b', 'c']) await tenantKnex(id)('items')
        const { switches } = stats()
        for (const id of ['a', 'b', 'c', 'a', 'b', 'c']) await tenantKnex(id)('items')
        expect(stats()).to.include({ switches, connects: 3, waits: 1 })
        expect(await connectionsSeen()).to.equal(3)
      }))

    it('then the same tenant again sends nothing but its statement', () =>
      withProxy(server.url, (proxy) =>
        withTenants(server, { connection: proxy.url, pool: { max: 2 } }, async ({ tenantKnex }) => {
          const stats = () => tenantKnex.stats().servers[0]
          const held = await Promise.all(['a', 'b'].map((id) => tenantKnex(id).transaction()))
          for (const trx of held) await trx.rollback()
          await until('both are idle', () => stats().idle === 2)
          proxy.sent.length = 0
          for (const id of ['a', 'b', 'b', 'a']) await tenantKnex(id)('items')
          expect(proxy.sent).to.have.lengthOf(4)
        }),
      ))
  })

  describe('when a connection that nobody waits for cannot be opened', () => {
    it('then it counts, and no query is told of it, not even one that waits by then', () => {
      const { connection, fail } = onlyOnce(server)
      return withTenants(server, { connection, pool: { max: 2 } }, async ({ tenantKnex }) => {
        const stats = () => tenantKnex.stats().servers[0]
        await tenantKnex('a')('items')
        await comeBack(tenantKnex, 'ab')
        expect(stats().connects, 'one is on its way').to.equal(2)
        const trx = await tenantKnex('b').transaction()
        const waiting = tenantKnex('c')('items').first('tenant').then()
        await until('it waits', () => stats().waiting === 1)
        fail()
        await until('it is tried again, for who waits', () => stats().connects === 3)
        await trx.rollback()
        expect(await waiting).to.deep.equal({ tenant: 'c' })
      })
    })
  })

  describe('when connections have been opened in the background', () => {
    it('then they are closed as all others once they have been idle for long', () =>
      withTenants(
        server,
        { pool: { max: 3, idleTimeoutMillis: 50, reapIntervalMillis: 10 } },
        async ({ tenantKnex, connectionsSeen }) => {
          await tenantKnex('a')('items')
          await comeBack(tenantKnex, 'ab')
          const { connects } = tenantKnex.stats().servers[0]
          expect(connects).to.be.at.least(2)
          await until('they are closed', () => tenantKnex.stats().servers[0].discards === connects)
          await until('the server says so', async () => (await connectionsSeen()) === 0)
        },
      ))
  })

  describe('when the pool is about to be destroyed', () => {
    it('then who waits is served, and nothing is opened in the background any more', () => {
      const { connection } = onlyOnce(server)
      return withTenants(server, { connection, pool: { max: 4 } }, async ({ tenantKnex }) => {
        const stats = () => tenantKnex.stats().servers[0]
        await tenantKnex('a')('items')
        const last = await comeBack(tenantKnex, 'ab')
        const other = last === 'a' ? 'b' : 'a'
        const trx = await tenantKnex(last).transaction()
        const waiting = tenantKnex(other)('items').first('tenant').then()
        await until('it waits', () => stats().waiting === 1)
        const destroyed = tenantKnex.destroy()
        await trx.rollback()
        expect(await waiting).to.deep.equal({ tenant: other })
        await destroyed
        expect(stats()).to.include({ connects: 2, connections: 0 })
      })
    })
  })

  describe('when one of them waits for a lock with everything it has', () => {
    it('then the others get a connection at once', () =>
      withTenants(server, { pool: { max: 4 } }, async ({ tenantKnex }) => {
        const stats = () => tenantKnex.stats().servers[0]
        await tenantKnex('b')('items')
        const stuck = await Promise.all([1, 2].map(() => tenantKnex('a').transaction()))
        const next = tenantKnex('a')('items').first('tenant').then()
        await until('it waits', () => stats().waiting === 1)
        expect(tenantKnex('a').client.pool.numPendingAcquires()).to.equal(1)
        expect(await tenantKnex('b')('items').first('tenant')).to.deep.equal({ tenant: 'b' })
        expect(await tenantKnex('c')('items').first('tenant')).to.deep.equal({ tenant: 'c' })
        expect(stats()).to.include({ waiting: 1, used: 2 })
        await stuck[0]?.rollback()
        expect(await next).to.deep.equal({ tenant: 'a' })
        for (const trx of stuck.slice(1)) await trx.rollback()
      }))

    it('then whoever waits too long is told how many it holds itself', () =>
      withTenants(
        server,
        { pool: { max: 4, acquireTimeoutMillis: 100 } },
        async ({ tenantKnex }) => {
          await tenantKnex('b')('items')
          const stuck = await Promise.all([1, 2].map(() => tenantKnex('a').transaction()))
          const error = await rejection(tenantKnex('a')('items'))
          expect(error).to.have.property('code', 'ERR_ACQUIRE_TIMEOUT')
          expect(error.message).to.contain('(2 by this tenant)').and.contain('maxPerTenant')
          for (const trx of stuck) await trx.rollback()
        },
      ))

    it('then it may have one that is about to be closed, and gets another', () =>
      withTenants(server, { pool: { max: 4 } }, async ({ tenantKnex }) => {
        const held = await Promise.all([1, 2].map(() => tenantKnex('a').transaction()))
        const idle = await Promise.all([1, 2].map(() => tenantKnex('b').transaction()))
        for (const trx of idle) await trx.commit()
        const next = tenantKnex('a')('items').first('tenant').then()
        await until('it waits', () => tenantKnex.stats().servers[0].waiting === 1)
        await withClockAhead(60_001, async () => {
          tenantKnex.forget('b') // the first one that is closed lets `a` have the second
          expect(await next).to.deep.equal({ tenant: 'a' })
        })
        for (const trx of held) await trx.rollback()
      }))

    it('then it may have all of them where nobody else comes', () =>
      withTenants(server, { pool: { max: 4 } }, async ({ tenantKnex }) => {
        const all = await Promise.all([1, 2, 3, 4].map(() => tenantKnex('a').transaction()))
        for (const trx of all) await trx.rollback()
      }))

    it('then as many as the option says, and no query is lost', () =>
      withTenants(server, { pool: { max: 4, maxPerTenant: 1 } }, async ({ tenantKnex }) => {
        const most = { a: 0, b: 0 }
        const running = { a: 0, b: 0 }
        const work = async (id: 'a' | 'b') => {
          await tenantKnex(id).transaction(async (trx) => {
            most[id] = Math.max(most[id], ++running[id])
            await trx('items')
            running[id]--
          })
        }
        await tenantKnex('c')('items')
        const ids = Array.from({ length: 40 }, (_, index) => (index % 2 ? 'a' : 'b'))
        await Promise.all(ids.map(work))
        expect(most).to.deep.equal({ a: 1, b: 1 })
      }))
  })

  describe('when too many queries of one of them wait', () => {
    it('then one more is refused at once, unsent, and those of others are not', () =>
      withTenants(server, { pool: { max: 1, maxWaitingPerTenant: 2 } }, async ({ tenantKnex }) =>
        listening(async (heard) => {
          const trx = await tenantKnex('a').transaction()
          const waiting = [1, 2].map(() => tenantKnex('a')('items').first('tenant').then())
          const other = tenantKnex('b')('items').first('tenant').then()
          const error = await rejection(tenantKnex('a')('items'))
          expect(error).to.include({
            code: 'ERR_TENANT_QUEUE_FULL',
            tenant: 'a',
            outcome: 'not-sent',
          })
          expect(error.message).to.contain('2 queries').and.contain('maxWaitingPerTenant')
          expect(tenantKnex.stats().servers[0]).to.include({ waiting: 3, refusals: 1 })
          expect(heard.some(([name]) => name === 'refusal')).to.equal(true)
          await trx.rollback()
          expect(await Promise.all(waiting)).to.deep.equal([{ tenant: 'a' }, { tenant: 'a' }])
          expect(await other).to.deep.equal({ tenant: 'b' })
        }),
      ))
  })

  describe('when the time of those who wait is up', () => {
    it('then they are told, and no connection goes to them any more', () =>
      withTenants(
        server,
        { pool: { max: 1, acquireTimeoutMillis: 500 } },
        async ({ tenantKnex }) => {
          const trx = await tenantKnex('a').transaction()
          const late = ['a', 'b', 'a'].map((id) => rejection(tenantKnex(id)('items')))
          for (const error of await Promise.all(late)) {
            expect(error).to.include({ code: 'ERR_ACQUIRE_TIMEOUT', outcome: 'not-sent' })
          }
          expect(tenantKnex.stats().servers[0]).to.include({ waiting: 0, used: 1 })
          await trx.rollback()
          expect(await tenantKnex('b')('items').first('tenant')).to.deep.equal({ tenant: 'b' })
          expect(tenantKnex.stats().servers[0]).to.include({ waiting: 0, used: 0, timeouts: 3 })
        },
      ))

    it('then also where the connection that they were given does not answer', () =>
      withProxy(server.url, (proxy) =>
        withTenants(
          server,
          { connection: proxy.url, pool: { max: 1, acquireTimeoutMillis: 500 } },
          async ({ tenantKnex }) => {
            await tenantKnex('a')('items')
            proxy.hold()
            await withClockAhead(6_000, async () => {
              const error = await rejection(tenantKnex('a')('items'))
              expect(error).to.include({ code: 'ERR_ACQUIRE_TIMEOUT', outcome: 'not-sent' })
              proxy.release()
              await until('it has come back', () => tenantKnex.stats().servers[0].used === 0)
              expect(await tenantKnex('a')('items').first('tenant')).to.deep.equal({ tenant: 'a' })
            })
          },
        ),
      ))
  })

  describe('when destroyed while many wait', () => {
    it('then each of them is told, and everything is closed', () =>
      withTenants(server, { pool: { max: 1 } }, async ({ tenantKnex }) => {
        const trx = await tenantKnex('a').transaction()
        const waiting = ['a', 'b', 'c', 'a'].map((id) => rejection(tenantKnex(id)('items')))
        await sleep(1)
        await tenantKnex.destroy({ timeoutMillis: 20 })
        for (const error of await Promise.all(waiting)) {
          expect(error).to.include({ code: 'ERR_DESTROYED', outcome: 'not-sent' })
        }
        expect(await rejection(trx('items'))).to.include({ code: 'ERR_DESTROYED' })
      }))
  })

  describe('when many ask at a time', () => {
    it('then those of one database go together, and nobody waits for ever', () =>
      withTenants(server, { pool: { max: 2 } }, async ({ tenantKnex, connectionsSeen }) => {
        const ids = Array.from({ length: 300 }, (_, index) => 'abc'[index % 3] as string)
        const rows = await Promise.all(ids.map((id) => tenantKnex(id)('items').first('tenant')))
        expect(rows.map((row) => row?.tenant)).to.deep.equal(ids)
        expect(tenantKnex.stats().servers[0].switches).to.be.at.most(60)
        expect(await connectionsSeen()).to.be.at.most(2)
      }))
  })
})

/** Tenants take connections from each other until the pool is widened for them. Tells who came last. */
async function comeBack(tenantKnex: TenantKnex, ids: string): Promise<string> {
  const { connects } = tenantKnex.stats().servers[0]
  for (let turn = 0; ; turn++) {
    const id = ids[turn % ids.length] as string
    await tenantKnex(id)('items')
    if (tenantKnex.stats().servers[0].connects > connects) return id
  }
}

/** Settings for a first connection; no other one gets any, until those who ask are told of an error. */
function onlyOnce(server: TestServer): {
  connection: NonNullable<TenantKnexOptions['connection']>
  fail: () => void
} {
  let isAsked = false
  let fail = (): void => undefined
  const connection = async () => {
    const later = new Promise<never>((_resolve, reject) => {
      fail = () => reject(new Error('no settings'))
    })
    if (isAsked) return later
    isAsked = true
    return { ...urlOptions(server.url), expirationChecker: () => true }
  }
  return { connection, fail: () => fail() }
}
