import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import type { BoundKnex } from '../../../src/index.ts'
import { onEachServer, rejection, thrown, withTenants } from '../../support/tenants.ts'

const whose = async (knex: (table: string) => ReturnType<BoundKnex>) =>
  (await knex('items').distinct().pluck('tenant')).join()

onEachServer('each()', (server) => {
  it('runs a function for every tenant, in its scope, and tells what became of each in order', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      const failure = new Error('not b')
      const results = await tenantKnex.each(['c', 'b', 'a'], async (knex) => {
        if (knex.tenant.id === 'b') throw failure
        return [await whose(knex), await whose(tenantKnex.ambient)]
      })
      expect(results).to.deep.equal([
        { tenant: 'c', status: 'fulfilled', value: ['c', 'c'] },
        { tenant: 'b', status: 'rejected', reason: failure },
        { tenant: 'a', status: 'fulfilled', value: ['a', 'a'] },
      ])
    }))

  it('takes a query that is only returned, and ids from any iterable', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      async function* ids() {
        yield 'a'
        await sleep(1)
        yield 'b'
      }
      for (const source of [ids(), new Set(['a', 'b'])]) {
        const results = await tenantKnex.each(source, () =>
          tenantKnex.ambient('items').distinct().pluck('tenant'),
        )
        expect(
          results.map((result) => result.status === 'fulfilled' && result.value),
        ).to.deep.equal([['a'], ['b']])
      }
    }))

  it('runs as many at a time as it is told', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      let taken = 0
      let running = 0
      let most = 0
      function* ids() {
        for (; taken < 20; taken++) yield 'abc'[taken % 3] as string
      }
      await tenantKnex.each(
        ids(),
        async () => {
          most = Math.max(most, ++running)
          await sleep(1)
          running--
        },
        { concurrency: 3 },
      )
      expect({ taken, most }).to.deep.equal({ taken: 20, most: 3 })
    }))

  it('refuses to run more at a time than there are connections, and by default runs no more', () =>
    withTenants(server, { pool: { max: 2 } }, async ({ tenantKnex }) => {
      const error = await rejection(tenantKnex.each(['a'], whose, { concurrency: 3 }))
      expect(error).to.have.property('code', 'ERR_OPTION_INVALID')
      expect(error.message).to.contain('`concurrency` must be at most `pool.max`, 2, got 3')
      let running = 0
      let most = 0
      await tenantKnex.each(['a', 'b', 'c'], async (knex) => {
        most = Math.max(most, ++running)
        await whose(knex)
        running--
      })
      expect(most).to.equal(2)
    }))

  it('tells of ids that are none, and of tenants that are not there, beside the others', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      const results = await tenantKnex.each(['', 'none', 'a'], whose)
      expect(
        results.map((result) =>
          result.status === 'fulfilled' ? result.value : (result.reason as { code: string }).code,
        ),
      ).to.deep.equal(['ERR_TENANT_ID_INVALID', 'ERR_TENANT_DATABASE_MISSING', 'a'])
    }))

  it('fails as its ids do, once what runs has ended', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      const failure = new Error('no more ids')
      const ended: string[] = []
      function* ids() {
        yield 'a'
        throw failure
      }
      const running = tenantKnex.each(ids(), async (knex) => {
        await whose(knex)
        ended.push(knex.tenant.id)
      })
      expect(await rejection(running)).to.equal(failure)
      expect(ended).to.deep.equal(['a'])
    }))

  it('gives nothing for no tenants', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      expect(await tenantKnex.each([], whose)).to.deep.equal([])
    }))

  it('refuses what it cannot take', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      const each = tenantKnex.each as (...args: unknown[]) => Promise<unknown>
      const wrong = [
        ['acme', whose],
        [undefined, whose],
        [{}, whose],
        [['a']],
        [['a'], whose, 3],
        [['a'], whose, { concurrency: 0 }],
        [['a'], whose, { concurency: 2 }],
      ]
      for (const args of wrong) {
        expect((await rejection(each(...args))).code).to.equal('ERR_OPTION_INVALID')
      }
    }))
})

onEachServer('a captured tenant', (server) => {
  it('is restored from JSON, elsewhere', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      const message = await tenantKnex.run('b', () => JSON.stringify(tenantKnex.capture()))
      const seen = await tenantKnex.run('a', () =>
        tenantKnex.restore(JSON.parse(message), async (knex) => [
          knex === tenantKnex('b'),
          await whose(tenantKnex.ambient),
        ]),
      )
      expect(seen).to.deep.equal([true, 'b'])
    }))

  it('must be one', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      expect(thrown(() => tenantKnex.capture()).code).to.equal('ERR_NO_TENANT')
      for (const token of [undefined, null, 'b', {}, { tenant: 7 }]) {
        const { code } = await rejection(tenantKnex.restore(token as never, whose))
        expect(code).to.equal('ERR_TOKEN_INVALID')
      }
      expect((await rejection(tenantKnex.restore({ tenant: '' }, whose))).code).to.equal(
        'ERR_TENANT_ID_INVALID',
      )
      expect((await rejection(tenantKnex.restore({ tenant: 'a' }, 7 as never))).code).to.equal(
        'ERR_OPTION_INVALID',
      )
    }))
})
