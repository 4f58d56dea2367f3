import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createClient } from '@keyv/redis'
import { expect } from 'chai'
import { Caches } from '../../../src/cache/caches.ts'
import type { CacheOptions, TenantCache } from '../../../src/index.ts'
import { resolveCacheOptions } from '../../../src/options/cache.ts'
import { type OwnRedis, startOwnRedis } from '../../support/own-redis.ts'
import { until } from '../../support/tenants.ts'
import { cachesOf, newRoot, withCaches } from './support/caches.ts'
import type { HeapOfTenants } from './support/heap-process.ts'

const run = promisify(execFile)
const HEAP_PROCESS = fileURLToPath(new URL('support/heap-process.ts', import.meta.url))

const TENANTS = 10_000
const KEYS = 1_000_000

/** The number of commands at a time. */
const BATCH = 500

describe('many tenants over one Redis client', function () {
  this.timeout(120_000)
  let redis: OwnRedis
  let client: ReturnType<typeof createClient>

  before(async function () {
    const started = await startOwnRedis({ args: ['--enable-debug-command', 'yes'] })
    if (started === undefined) return this.skip()
    redis = started
    client = createClient({ url: redis.url })
    await client.connect()
  })
  after(async () => {
    client?.destroy()
    await redis?.destroy()
  })

  it('take the sockets and listeners of one', async () => {
    const caches = cachesWith(client, {})
    await use([caches.of(tenant(-1))])
    const before = { ...(await sockets()), listeners: listeners() }
    const inUse = Array.from({ length: TENANTS }, (_, i) => caches.of(tenant(i)))
    await use(inUse)
    expect({ ...(await sockets()), listeners: listeners() }).to.deep.equal(before)
    expect(await inUse.at(-1)?.get('k')).to.equal('v')
    await caches.close()
  })

  it('take the sockets of one where the client is their own, and none afterwards', async () => {
    const before = (await sockets()).connected
    await withCaches({ store: redis.url, root: newRoot() }, async (tenantKnex) => {
      const ids = Array.from({ length: 500 }, (_, i) => `t${i}`)
      await use(ids.map((id) => tenantKnex(id).cache))
      expect((await sockets()).connected).to.equal(before + 1)
    })
    await until('the server to notice', async () => (await sockets()).connected === before)
  })

  it('leave the client as it was once they are closed', async () => {
    const before = listeners()
    await withCaches({ store: client, root: newRoot() }, ({ sharedCache }) =>
      sharedCache.set('k', 1).then(() => undefined),
    )
    expect(listeners()).to.deep.equal(before)
    expect(await client.ping()).to.equal('PONG')
  })

  for (const [title, kind, count] of [
    ['', 'plain', TENANTS],
    [', with prefixes of a function', 'prefix', 2_000],
  ] as const) {
    it(`take at most 2 KB of heap each in use, and nothing once dropped${title}`, async () => {
      const { inUse, retained, alive } = await heapOf(kind, count)
      // The results of the function are kept as long as the tenants' objects exist.
      const limit = 2_048 + (kind === 'prefix' ? 300 : 0)
      expect(inUse, 'bytes of a tenant in use').to.be.at.most(limit)
      expect(alive, 'caches that are kept though nobody holds them').to.equal(0)
      expect(retained, 'bytes of a tenant no longer in use').to.be.at.most(200)
    })
  }

  it('take nothing before they ask for their cache', () => {
    const asked: string[] = []
    const prefix = (id: string): string => {
      asked.push(id)
      return id
    }
    const tenantKnex = cachesOf({ prefix })
    const a = tenantKnex('a')
    expect(asked).to.deep.equal([])
    expect(a.cache).to.be.an('object')
    expect(asked).to.deep.equal(['a'])
    return tenantKnex.destroy()
  })

  it('one is cleared among a million keys by two commands, then by one', async () => {
    const root = newRoot()
    await withCaches({ store: client, root }, async (tenantKnex) => {
      const other = tenantKnex('b').cache.prefix
      await client.sendCommand(['DEBUG', 'POPULATE', `${KEYS}`, `${other}k`, '8'])
      await withCaches({ store: client, root }, async (elsewhere) => {
        const entries = Array.from({ length: 100 }, (_, i) => ({ key: `k${i}`, value: i }))
        await elsewhere('a').cache.setMany(entries)
      })
      const { cache } = tenantKnex('a')
      expect(await client.dbSize()).to.be.above(KEYS)
      expect(await commandsOf(() => cache.clear())).to.deep.equal({ mget: 1, set: 1 })
      expect(await commandsOf(() => cache.clear())).to.deep.equal({ set: 1 })
      expect(await cache.getMany(['k0', 'k99'])).to.deep.equal([undefined, undefined])
      expect(await client.dbSize()).to.be.above(KEYS)
      await client.flushDb()
    })
  })

  it('a read is one command, a write two in one round trip', async () => {
    await withCaches({ store: client, root: newRoot() }, async (tenantKnex) => {
      const { cache } = tenantKnex('a')
      await cache.set('k', 1)
      expect(await commandsOf(() => cache.get('k'))).to.deep.equal({ mget: 1 })
      expect(await commandsOf(() => cache.getMany(['k', 'l', 'm']))).to.deep.equal({ mget: 1 })
      expect(await commandsOf(() => cache.has('k'))).to.deep.equal({ mget: 1 })
      expect(await commandsOf(() => cache.set('k', 2))).to.deep.equal({ mget: 1, set: 1 })
    })
  })

  async function heapOf(kind: string, count: number): Promise<HeapOfTenants> {
    const args = ['--expose-gc', '--import', 'tsx', HEAP_PROCESS, redis.url, `${count}`, kind]
    const { stdout } = await run(process.execPath, args)
    return JSON.parse(stdout)
  }

  async function sockets(): Promise<{ connected: number }> {
    const list = String(await client.sendCommand(['CLIENT', 'LIST']))
    return { connected: list.trim().split('\n').length }
  }

  function listeners(): Record<string, number> {
    return Object.fromEntries(
      client.eventNames().map((name) => [String(name), client.listenerCount(name)]),
    )
  }

  /** The number of commands that Redis has counted meanwhile. */
  async function commandsOf(fn: () => Promise<unknown>): Promise<Record<string, number>> {
    await client.sendCommand(['CONFIG', 'RESETSTAT'])
    await fn()
    const stats = String(await client.sendCommand(['INFO', 'commandstats']))
    const calls = [...stats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)]
    const sent = calls.filter(([, name]) => !/^(?:config|info)/.test(name as string))
    return Object.fromEntries(sent.map(([, name, count]) => [name, Number(count)]))
  }
})

function cachesWith(client: object, options: CacheOptions): Caches {
  const resolved = resolveCacheOptions({
    ...{ store: client, root: newRoot(), timeoutMillis: 60_000 },
    ...options,
  })
  return new Caches(resolved, async (_tenant, fn) => fn())
}

function tenant(number: number): { id: string; database: string } {
  return { id: `tenant-${number}`, database: `tenant_${number}` }
}

async function use(caches: readonly TenantCache[]): Promise<void> {
  for (let first = 0; first < caches.length; first += BATCH) {
    const batch = caches.slice(first, first + BATCH)
    await Promise.all(batch.map((cache) => cache.set('k', 'v', 60_000)))
  }
}
