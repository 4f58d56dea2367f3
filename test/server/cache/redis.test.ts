import { createClient } from '@keyv/redis'
import { expect } from 'chai'
import { type OwnRedis, startOwnRedis } from '../../support/own-redis.ts'
import { rejection, tenantInScope, until } from '../../support/tenants.ts'
import { newRoot, withCaches } from './support/caches.ts'

describe('caches on Redis', () => {
  let redis: OwnRedis
  let admin: ReturnType<typeof createClient>

  before(async function () {
    const started = await startOwnRedis()
    if (started === undefined) return this.skip()
    redis = started
    admin = createClient({ url: redis.url })
    await admin.connect()
  })
  after(async () => {
    admin?.destroy()
    await redis?.destroy()
  })

  it('open no connection before the first use', () =>
    withCaches({ store: redis.url }, async (tenantKnex) => {
      tenantKnex('a').cache.on('error', () => undefined)
      expect(await connections()).to.equal(1)
    }))

  it('open no connection after destroy()', async () => {
    let kept: Parameters<Parameters<typeof withCaches>[1]>[0] | undefined
    await withCaches({ store: redis.url, root: newRoot() }, async (tenantKnex) => {
      kept = tenantKnex
      await tenantKnex.sharedCache.set('k', 1)
      expect(await connections()).to.equal(2)
    })
    const { sharedCache: cache } = kept as NonNullable<typeof kept>
    expect(await rejection(cache.get('k'))).to.include({ code: 'ERR_DESTROYED' })
    expect(await rejection(cache.set('k', 1))).to.include({ code: 'ERR_DESTROYED' })
    await until('the server to notice', async () => (await connections()) === 1)
  })

  it('close a connection that is only being opened when they are destroyed', async () => {
    let found: Promise<unknown> | undefined
    await withCaches({ store: redis.url, root: newRoot() }, async ({ sharedCache }) => {
      found = sharedCache.get('k')
    })
    expect(await found).to.equal(undefined)
    await until('the server to notice', async () => (await connections()) === 1)
  })

  it('ask functions in their options in no tenant’s scope', async () => {
    const seen = new Set<string>()
    let note = (): void => undefined
    const reconnectStrategy = () => {
      note()
      return 10
    }
    const store = { url: 'redis://127.0.0.1:9', socket: { reconnectStrategy } }
    await withCaches({ store, timeoutMillis: 100 }, async (tenantKnex) => {
      note = () => void seen.add(tenantInScope(tenantKnex))
      await tenantKnex.run('a', (a) => a.cache.get('k'))
      await until('it is asked', () => seen.size > 0)
    })
    expect([...seen]).to.deep.equal(['ERR_NO_TENANT'])
  })

  async function connections(): Promise<number> {
    return String(await admin.sendCommand(['CLIENT', 'LIST']))
      .trim()
      .split('\n').length
  }
})
