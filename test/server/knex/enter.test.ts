import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect } from 'chai'
import { createTenantKnex } from '../../../src/index.ts'
import { enterForTest } from '../../../src/testing/index.ts'
import { onEachServer, rejection, thrown, withTenants } from '../../support/tenants.ts'

onEachServer('tenantKnex.enter', (server) => {
  it('puts a tenant in scope until it is left, and `run` has its own inside', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      const tenant = () => tenantKnex.ambient('items').distinct('tenant').pluck('tenant')
      const leave = tenantKnex.enter('a')
      await nextTurn()
      expect(await tenant()).to.deep.equal(['a'])
      expect(await tenantKnex.run('b', tenant)).to.deep.equal(['b'])
      expect(await tenant()).to.deep.equal(['a'])
      const leaveB = tenantKnex.enter('b')
      expect(await tenant()).to.deep.equal(['b'])
      leaveB()
      expect(await tenant()).to.deep.equal(['a'])
      leave()
      expect(tenantKnex.tenant).to.equal(undefined)
      expect((await rejection((async () => tenant())())).code).to.equal('ERR_NO_TENANT')
    }))

  it('keeps a transaction of the same tenant in scope, and leaves another’s', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      await tenantKnex.run('a', () =>
        tenantKnex.transaction(async (trx) => {
          const leave = tenantKnex.enter('b')
          expect(tenantKnex.current()).to.equal(tenantKnex('b'))
          const leaveA = tenantKnex.enter('a')
          expect(tenantKnex.current()).to.equal(trx)
          leaveA()
          leave()
          expect(tenantKnex.current()).to.equal(trx)
        }),
      )
    }))

  it('is left for the caller too, wherever and however often that is called', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      const tenant = () => tenantKnex.ambient('items').distinct('tenant').pluck('tenant')
      let late: () => void = () => undefined
      const job = async (): Promise<string[]> => {
        const leave = tenantKnex.enter('b')
        late = leave
        try {
          return await tenant()
        } finally {
          leave()
        }
      }
      await tenantKnex.run('a', async () => {
        expect(await job()).to.deep.equal(['b'])
        expect(await tenant()).to.deep.equal(['a'])
      })
      await tenantKnex.run('c', async () => {
        late()
        expect(await tenant()).to.deep.equal(['c'])
      })
      late()
      expect(tenantKnex.tenant).to.equal(undefined)
    }))

  it('ends with the context in which it was called', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      const inside = (async () => {
        await nextTurn()
        tenantKnex.enter('a')
        return tenantKnex.transaction(async (trx) => trx.tenant.id)
      })()
      expect(await inside).to.equal('a')
      expect(tenantKnex.tenant).to.equal(undefined)
    }))
})

describe('given an id that is none', () => {
  const tenantKnex = createTenantKnex({ connection: {} })

  for (const [name, enter] of Object.entries({
    enter: (id: string) => tenantKnex.enter(id),
    enterForTest: (id: string) => enterForTest(tenantKnex, id),
  })) {
    it(`when it is given to ${name}, then that throws, and nothing is in scope`, () => {
      for (const id of ['no/one', '', 7, undefined]) {
        const { code } = thrown(() => enter(id as string))
        expect(code).to.be.oneOf(['ERR_TENANT_ID_INVALID', 'ERR_DATABASE_NAME_INVALID'])
        expect(tenantKnex.tenant).to.equal(undefined)
      }
    })
  }
})

describe('given enterForTest', () => {
  const tenantKnex = createTenantKnex({ connection: {} })
  let leave: () => void = () => undefined

  before(() => {
    leave = enterForTest(tenantKnex, 'a')
  })
  after(() => {
    leave()
    expect(tenantKnex.tenant).to.equal(undefined)
  })

  it('when a test runs, then the tenant is in scope, unless the code has a scope of its own', async () => {
    await nextTurn()
    expect(tenantKnex.tenant?.id).to.equal('a')
    expect(tenantKnex.current()).to.equal(tenantKnex('a'))
    await tenantKnex.run('b', () => expect(tenantKnex.tenant?.id).to.equal('b'))
    await tenantKnex.sharedCache.remember('x', {}, async () => {
      expect(tenantKnex.tenant).to.equal(undefined)
      return 1
    })
    const leaveB = tenantKnex.enter('b')
    expect(tenantKnex.tenant?.id).to.equal('b')
    leaveB()
    expect(tenantKnex.tenant?.id).to.equal('a')
  })

  it('when another test begins meanwhile, then that is refused', () => {
    const error = thrown(() => enterForTest(tenantKnex, 'b'))
    expect(error).to.include({ code: 'ERR_OPTION_INVALID', tenant: 'b' })
    expect(tenantKnex.tenant?.id).to.equal('a')
  })
})
