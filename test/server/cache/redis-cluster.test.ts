import KeyvRedis, { createClient } from '@keyv/redis'
import { expect } from 'chai'
import { createRedisClient } from '../../../src/cache/stores/redis-client.ts'
import type { OwnRedis } from '../../support/own-redis.ts'
import { until } from '../../support/tenants.ts'
import { newRoot, withCaches } from './support/caches.ts'
import { startRedisCluster } from './support/redis-cluster.ts'

describe('caches on a Redis cluster', () => {
  let redis: OwnRedis

  before(async function () {
    const started = await startRedisCluster()
    if (started === undefined) return this.skip()
    redis = started
  })
  after(() => redis?.destroy())

  const ways: [string, () => { store: object; close: () => Promise<void> }][] = [
    [
      'by options',
      () => ({ store: { rootNodes: [{ url: redis.url }] }, close: async () => undefined }),
    ],
    [
      'through a KeyvRedis',
      () => {
        const store = new KeyvRedis({ rootNodes: [{ url: redis.url }] })
        store.on('error', () => undefined)
        return { store, close: () => store.disconnect(true) }
      },
    ],
  ]
  for (const [title, make] of ways) {
    it(`${title}: keep each tenant in one slot, and leave no connection`, async () => {
      const { store, close } = make()
      const root = newRoot()
      await withCaches({ store, root, allowScan: true }, async (tenantKnex) => {
        const caches = ['a', 'b', 'a*', '{a}'].map((id) => tenantKnex(id).cache)
        for (const cache of caches) {
          await cache.setMany([
            { key: 'k', value: cache.prefix },
            { key: '{x}', value: 1 },
          ])
        }
        await caches[0]?.clear()
        await caches[1]?.purge()
        const read = await Promise.all(caches.map((cache) => cache.getMany(['k', '{x}'])))
        expect(read).to.deep.equal([
          [undefined, undefined],
          [undefined, undefined],
          [`${root}:{a%2A}:`, 1],
          [`${root}:{%7Ba%7D}:`, 1],
        ])
        const listed = []
        for await (const entry of caches[2]?.iterator?.({}) ?? []) listed.push(entry)
        expect(listed).to.have.deep.members([
          ['k', `${root}:{a%2A}:`],
          ['{x}', 1],
        ])
      })
      await close()
      await until('the server to notice', async () => (await connections()) === 1)
    })
  }

  async function connections(): Promise<number> {
    const admin = await createClient({ url: redis.url }).connect()
    const list = String(await admin.sendCommand(['CLIENT', 'LIST']))
    admin.destroy()
    return list.trim().split('\n').length
  }

  it('give up in time on a node as on a single server, unless told otherwise', async () => {
    const given = { rootNodes: [{ url: redis.url }], defaults: { socket: { connectTimeout: 7 } } }
    const cluster = await createRedisClient(given)
    const { defaults } = (cluster as unknown as { _options: typeof given })._options
    expect(defaults).to.include.keys('disableOfflineQueue', 'pingInterval')
    expect(defaults.socket).to.include.keys('socketTimeout', 'reconnectStrategy')
    expect(defaults.socket.connectTimeout).to.equal(7)
  })
})
