import { expect } from 'chai'
import { createTenantKnex, type TenantKnex, type TenantKnexOptions } from '../../../src/index.ts'
import {
  onEachServer,
  rejection,
  type TestServer,
  thrown,
  withTenants,
} from '../../support/tenants.ts'

const MINE = { tenant: 'mine', val: 7 }

/** Runs a test with a tenantKnex and another one that shares its scope. */
function withBoth(
  server: TestServer,
  options: Partial<TenantKnexOptions>,
  test: (main: TenantKnex, reports: TenantKnex) => Promise<void>,
): Promise<void> {
  return withTenants(server, {}, async ({ tenantKnex, databaseOf, url }) => {
    const reports = createTenantKnex({
      connection: url,
      database: databaseOf,
      pool: { max: 2 },
      ...options,
      shareScopeWith: tenantKnex,
    })
    try {
      await test(tenantKnex, reports)
    } finally {
      await reports.destroy()
    }
  })
}

const count = async ({ ambient }: TenantKnex): Promise<number> =>
  (await ambient('items').where(MINE)).length

onEachServer('two tenantKnexes that share a scope', (server) => {
  it('go by the tenant that either puts in scope, each by its own Knex and connection', () =>
    withBoth(server, {}, async (main, reports) => {
      for (const [one, other] of [
        [main, reports],
        [reports, main],
      ] as const) {
        await one.run('a', async (a) => {
          expect(other.current()).to.equal(other('a')).and.not.equal(a)
          expect(other.tenant).to.equal(other('a').tenant)
          expect(await other.ambient('items').distinct('tenant').pluck('tenant')).to.deep.equal([
            'a',
          ])
          await other.run('b', () => expect(one.tenant?.id).to.equal('b'))
          expect([one.tenant?.id, other.tenant?.id]).to.deep.equal(['a', 'a'])
          expect(other.capture()).to.deep.equal({ tenant: 'a' })
        })
        expect(other.tenant).to.equal(undefined)
        expect(thrown(() => other.current()).code).to.equal('ERR_NO_TENANT')
      }
      expect(reports.stats().servers[0].connections).to.equal(1)
    }))

  it('refuse what `ambient` of one gave for another tenant', () =>
    withBoth(server, {}, async (main, reports) => {
      const kept = await main.run('a', () => ({ builder: reports.ambient('items') }))
      const error = await rejection(main.run('b', () => kept.builder))
      expect(error).to.have.property('code', 'ERR_WRONG_TENANT')
    }))

  it('do not join each other’s transaction, and each finds its own again', () =>
    withBoth(server, {}, async (main, reports) => {
      await main.run('a', () =>
        main.transaction(async (trx) => {
          await main.ambient('items').insert(MINE)
          expect(reports.current()).to.equal(reports('a'))
          expect(await count(reports), 'seen from outside').to.equal(0)
          await reports.run('a', async () => {
            expect(main.current()).to.equal(trx)
            await reports.transaction(async (other) => {
              expect([main.current(), reports.current()]).to.deep.equal([trx, other])
              await main.transaction(async (savepoint) => {
                expect([main.current(), reports.current()]).to.deep.equal([savepoint, other])
                expect([await count(main), await count(reports)]).to.deep.equal([1, 0])
              })
              await main.run('b', async () => {
                expect([main.current(), reports.current()]).to.deep.equal([main('b'), reports('b')])
                await reports.run('a', () =>
                  expect([main.current(), reports.current()]).to.deep.equal([trx, other]),
                )
              })
            })
          })
        }),
      )
      expect(await count({ ambient: reports('a') } as never)).to.equal(1)
    }))

  it('say which has ended where work outlives a transaction', () =>
    withBoth(server, {}, async (main, reports) => {
      let late: Promise<unknown>[] = []
      let end: () => void = () => undefined
      const ended = new Promise<void>((resolve) => {
        end = resolve
      })
      await main.run('a', () =>
        main.transaction(async () => {
          late = [main, reports].map(async ({ ambient }) => {
            await ended
            return ambient('items').count()
          })
        }),
      )
      end()
      const [ofMain, ofReports] = await Promise.allSettled(late)
      expect(ofMain).to.have.nested.property('reason.code', 'ERR_TRANSACTION_OVER')
      expect(ofReports?.status).to.equal('fulfilled')
    }))

  it('let nothing that outlives a transaction pass inside the other’s', () =>
    withBoth(server, {}, async (main, reports) => {
      const codes: unknown[] = []
      let late: Promise<unknown> = Promise.resolve()
      let end: () => void = () => undefined
      const ended = new Promise<void>((resolve) => {
        end = resolve
      })
      await main.run('a', () =>
        main.transaction(async () => {
          late = ended.then(() =>
            reports.transaction(async () => {
              codes.push(thrown(() => main.ambient('items').insert(MINE)).code)
              await reports.transaction(() => {
                codes.push(thrown(() => main.current()).code)
              })
            }),
          )
        }),
      )
      end()
      await late
      expect(codes).to.deep.equal(['ERR_TRANSACTION_OVER', 'ERR_TRANSACTION_OVER'])
      expect(await main('a')('items').where(MINE)).to.deep.equal([])
    }))

  it('run factories of their caches in no transaction of the other’s', () =>
    withBoth(server, {}, async (main, reports) => {
      await main.run('a', () =>
        main.transaction(async () => {
          await main.ambient('items').insert(MINE)
          const kept = await reports.ambient.cache.remember('mine', {}, () => count(main))
          expect(kept).to.equal(0)
          await reports.sharedCache.remember('x', {}, async () => {
            expect(main.tenant).to.equal(undefined)
            return 1
          })
        }),
      )
    }))

  it('where one does not know the tenant, that one says so, and the other goes on', () =>
    withBoth(server, { database: () => null }, async (main, reports) => {
      await main.run('a', async () => {
        expect(reports.tenant).to.equal(undefined)
        expect(thrown(() => reports.current()).code).to.equal('ERR_TENANT_UNKNOWN')
        expect(thrown(() => reports.ambient('items')).code).to.equal('ERR_TENANT_UNKNOWN')
        expect(reports.ambient.client.constructor.name).to.equal('Client_MySQL2')
        expect(await count(main)).to.equal(0)
      })
    }))

  it('connect in no scope, also where one is made inside of it', () =>
    withTenants(server, {}, async ({ tenantKnex, databaseOf, url }) => {
      const seen: unknown[] = []
      await tenantKnex.run('a', async () => {
        const reports = createTenantKnex({
          database: databaseOf,
          shareScopeWith: tenantKnex,
          async connection() {
            seen.push(tenantKnex.tenant)
            const { hostname: host, port, username: user } = new URL(url)
            return { host, port: Number(port), user }
          },
        })
        await reports.ambient('items')
        await reports.destroy()
      })
      expect(seen).to.deep.equal([undefined])
    }))

  it('outlive each other', () =>
    withBoth(server, {}, async (main, reports) => {
      await main.run('a', async () => {
        await reports.destroy()
        expect(await count(main)).to.equal(0)
        expect((await rejection(count(reports))).code).to.equal('ERR_DESTROYED')
      })
    }))
})

onEachServer('two tenantKnexes that do not share a scope', (server) => {
  it('connect, and run factories of their caches, in no scope of each other', () =>
    withTenants(server, {}, async ({ tenantKnex, databaseOf, url }) => {
      const seen: unknown[] = []
      const note = async (): Promise<number> => {
        seen.push(tenantKnex.tenant?.id)
        return 1
      }
      await tenantKnex.run('a', async () => {
        const other = createTenantKnex({
          database: databaseOf,
          async connection() {
            await note()
            const { hostname: host, port, username: user } = new URL(url)
            return { host, port: Number(port), user }
          },
        })
        await other('b')('items')
        await other.sharedCache.remember('x', {}, note)
        await other('b').cache.remember('x', {}, note)
        await other.destroy()
        await note()
      })
      expect(seen).to.deep.equal([undefined, undefined, undefined, 'a'])
    }))
})

describe('given `shareScopeWith`', () => {
  it('when it is no tenantKnex, then that is refused', () => {
    const other = createTenantKnex({ connection: {} })
    for (const shareScopeWith of [null, 'main', {}, other('a'), other.ambient]) {
      const error = thrown(() => createTenantKnex({ connection: {}, shareScopeWith } as never))
      expect(error).to.have.property('code', 'ERR_OPTION_INVALID')
      expect(error.message).to.contain('`shareScopeWith`')
    }
  })
})
