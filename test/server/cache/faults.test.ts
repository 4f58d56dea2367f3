import { setTimeout as sleep } from 'node:timers/promises'
import KeyvRedis, { createClient } from '@keyv/redis'
import { expect } from 'chai'
import type { CacheOptions, TenantCache, TenantKnex } from '../../../src/index.ts'
import { type OwnRedis, startOwnRedis } from '../../support/own-redis.ts'
import { withProxy } from '../../support/proxy.ts'
import { rejection, until } from '../../support/tenants.ts'
import { newRoot, withCaches } from './support/caches.ts'

const LONG = { ttlMillis: 60_000 }

/** The options for a Redis that does not answer. If it answers, a busy machine may need more time. */
const SHORT = { timeoutMillis: 100 }

describe('given a Redis that fails', () => {
  let server: OwnRedis | undefined

  const given = (test: (server: OwnRedis) => Promise<void>) =>
    async function (this: Mocha.Context): Promise<void> {
      if (server === undefined) return this.skip()
      await test(server)
    }

  before(async () => {
    server = await startOwnRedis()
  })
  after(() => server?.destroy())
  afterEach(async () => {
    server?.resume()
    await server?.restart()
  })

  const withCache = (
    options: CacheOptions,
    test: (cache: TenantCache, tenantKnex: TenantKnex) => Promise<void>,
  ) =>
    withCaches({ root: newRoot(), ...options }, (tenantKnex) =>
      test(tenantKnex('a').cache, tenantKnex),
    )

  describe('when it is absent at the start', () => {
    it(
      'then reads find nothing, writes and invalidations say so, and it recovers',
      given(async (redis) => {
        await redis.kill()
        await withCache({ ...SHORT, store: redis.url }, async (cache) => {
          await expectUnavailable(cache)
          await redis.restart()
          await recovered(cache)
        })
      }),
    )

    it(
      'then what was given up while there was no connection is not done later',
      given(async (redis) => {
        const root = newRoot()
        await withProxy(redis.url, async (proxy) => {
          await withCache({ root, store: redis.url }, async (other) => {
            await proxy.refuse()
            await withCache({ ...SHORT, root, store: proxy.url }, async (cache) => {
              expect(await rejection(cache.clear())).to.include(unavailable)
              await filled(other)
              await proxy.accept()
              await recovered(cache)
              expect(await other.get('k')).to.equal(1)
            })
          })
        })
      }),
    )
  })

  describe('when it dies on the way', () => {
    it(
      'then the same, and it recovers',
      given(async (redis) => {
        await withCache({ ...SHORT, store: redis.url }, async (cache) => {
          await filled(cache)
          await redis.kill()
          await expectUnavailable(cache)
          await redis.restart()
          await recovered(cache)
          expect(await cache.get('k')).to.equal(undefined)
        })
      }),
    )
  })

  describe('when it stalls', () => {
    it(
      'then whatever is asked is settled, and it recovers',
      given(async (redis) => {
        await withCache({ ...SHORT, store: redis.url }, async (cache) => {
          await filled(cache)
          await redis.pause()
          await expectUnavailable(cache)
          redis.resume()
          await recovered(cache)
        })
      }),
    )

    it(
      'then a factory runs once for all who ask, and its value is handed out',
      given(async (redis) => {
        await withCache({ ...SHORT, store: redis.url }, async (cache) => {
          await filled(cache)
          await redis.pause()
          let runs = 0
          const ask = () =>
            cache.remember('l', LONG, async () => {
              const run = ++runs
              await sleep(300) // like a factory that asks a database
              return { run }
            })
          const values = await Promise.all([ask(), ask(), ask()])
          expect(values).to.deep.equal([{ run: 1 }, { run: 1 }, { run: 1 }])
        })
      }),
    )

    it(
      'then it is left alone after some failures, and one call tries whether it is back',
      given(async (redis) => {
        await withProxy(redis.url, async (proxy) => {
          await withCache({ timeoutMillis: 200, store: proxy.url }, async (cache) => {
            await filled(cache)
            const errors = errorsOf(cache)
            proxy.hold()
            for (let call = 0; call < 5; call++) await cache.get('k')
            const sent = mGets(proxy.sent)
            for (let call = 0; call < 50; call++) await cache.get('k')
            expect(mGets(proxy.sent)).to.equal(sent)
            expect(errors).to.have.length(55)
            expect(errors.at(-1)?.message).to.include('it failed several times in a row')
            const trial = async (): Promise<boolean> => {
              await Promise.all(Array.from({ length: 20 }, () => cache.get('k')))
              return mGets(proxy.sent) > sent
            }
            await until('it is tried again', trial)
            expect(mGets(proxy.sent)).to.equal(sent + 1)
            proxy.release()
            await until('a trial succeeds', async () => (await cache.get('k')) === 1)
            expect(mGets(proxy.sent)).to.equal(sent + 2)
          })
        })
      }),
    )
  })

  describe('when the network swallows everything', () => {
    it(
      'then whatever is asked is settled, and it recovers',
      given(async (redis) => {
        await withProxy(redis.url, async (proxy) => {
          const store = { url: proxy.url, pingInterval: 100, socket: { socketTimeout: 400 } }
          await withCache({ ...SHORT, store }, async (cache) => {
            await filled(cache)
            proxy.blackHole()
            await expectUnavailable(cache)
            proxy.endBlackHole()
            await recovered(cache)
            expect(await cache.get('k')).to.equal(1)
          })
        })
      }),
    )
  })

  describe('when this process is busy for longer than the deadline', () => {
    it(
      'then what was answered meanwhile is read',
      given(async (redis) => {
        await withCache({ timeoutMillis: 250, store: redis.url }, async (cache) => {
          await filled(cache)
          const errors = errorsOf(cache)
          for (let turns = 0; turns < 4; turns++) {
            const got = cache.get('k')
            for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate)
            block(350)
            expect(await got, `blocked after ${turns} turns`).to.equal(1)
          }
          expect(errors).to.deep.equal([])
        })
      }),
    )
  })

  describe('when it is full', () => {
    it(
      'then writes and clears say so, reads and deletes work, and it recovers',
      given(async (redis) => {
        const admin = await createClient({ url: redis.url }).connect()
        try {
          await withCache({ store: redis.url }, async (cache) => {
            await cache.set('k', 1)
            await admin.configSet('maxmemory', '1')
            expect(await cache.set('l', 2)).to.equal(false)
            expect(await cache.get('k')).to.equal(1)
            expect(await cache.remember('m', LONG, () => 3)).to.equal(3)
            expect(await rejection(cache.clear())).to.include(unavailable)
            expect(await rejection(cache.purge())).to.include(unavailable)
            for (let call = 0; call < 10; call++) await rejection(cache.clear())
            expect(await cache.get('k'), 'it answers, so it is asked').to.equal(1)
            expect(await cache.delete('k')).to.equal(true)
            expect(await cache.has('l')).to.equal(false)
            await admin.configSet('maxmemory', '0')
            expect(await cache.set('l', 2)).to.equal(true)
            await cache.clear()
          })
        } finally {
          admin.destroy()
        }
      }),
    )
  })

  describe('when it is a read-only replica', () => {
    it(
      'then writes and invalidations say so, reads work, and it recovers',
      given(async (redis) => {
        const admin = await createClient({ url: redis.url }).connect()
        try {
          await withCache({ store: redis.url }, async (cache) => {
            await cache.set('k', 1)
            await admin.sendCommand(['REPLICAOF', '127.0.0.1', '9'])
            expect(await cache.set('k', 2)).to.equal(false)
            for (const call of [cache.delete('k'), cache.clear(), cache.purge()]) {
              expect(await rejection(call)).to.include(unavailable)
            }
            expect(await cache.get('k')).to.equal(1)
            await admin.sendCommand(['REPLICAOF', 'NO', 'ONE'])
            await cache.clear()
            expect(await cache.get('k')).to.equal(undefined)
          })
        } finally {
          admin.destroy()
        }
      }),
    )
  })

  describe('when there is something else under a key', () => {
    const others: [string, (admin: Admin, key: string) => Promise<unknown>][] = [
      ['a text', (admin, key) => admin.set(key, 'garbage')],
      ['an empty text', (admin, key) => admin.set(key, '')],
      ['a number', (admin, key) => admin.set(key, '42')],
      ['a list', (admin, key) => admin.del(key).then(() => admin.lPush(key, 'x'))],
      ['a hash', (admin, key) => admin.del(key).then(() => admin.hSet(key, 'x', 'y'))],
      [
        'a torn value',
        async (admin, key) => admin.set(key, (await admin.get(key))?.slice(0, -2) ?? ''),
      ],
    ]
    for (const [title, put] of others) {
      it(
        `then ${title} in place of a value is nothing, and is replaced`,
        given(async (redis) => {
          await withAdmin(redis, (admin) =>
            withCache({ store: redis.url }, async (cache) => {
              const key = `${cache.prefix}k:k`
              const spoil = async (): Promise<void> => {
                await cache.set('k', { value: 'whole' })
                await put(admin, key)
              }
              await spoil()
              expect(await cache.get('k')).to.equal(undefined)
              expect(await cache.getMany(['k', 'l'])).to.deep.equal([undefined, undefined])
              expect(await cache.getRaw('k')).to.equal(undefined)
              expect(await cache.remember('k', LONG, () => 'anew')).to.equal('anew')
              expect(await cache.get('k')).to.equal('anew')
              await spoil()
              await cache.delete('k')
              expect(await admin.exists(key)).to.equal(0)
            }),
          )
        }),
      )

      it(
        `then ${title} in place of the epoch ends what was there, and is replaced`,
        given(async (redis) => {
          await withAdmin(redis, (admin) =>
            withCache({ store: redis.url }, async (cache, tenantKnex) => {
              const key = `${cache.prefix}e`
              const spoil = async (): Promise<void> => {
                await cache.set('k', 'old')
                await put(admin, key)
              }
              await spoil()
              expect(await cache.get('k')).to.equal(undefined)
              expect(await cache.set('k', 'new')).to.equal(true)
              expect(await cache.get('k')).to.equal('new')
              await spoil()
              expect(await cache.remember('k', LONG, () => 'new')).to.equal('new')
              expect(await cache.get('k')).to.equal('new')
              await spoil()
              await cache.clear()
              expect(await cache.set('k', 'new')).to.equal(true)
              await tenantKnex('b').cache.set('k', 'b')
              expect(await cache.get('k')).to.equal('new')
            }),
          )
        }),
      )
    }
  })

  it(
    'a cache that is destroyed while it connects leaves no connection behind',
    given(async (redis) => {
      await withAdmin(redis, async (admin) => {
        await withProxy(redis.url, async (proxy) => {
          proxy.delay(50)
          await withCache({ store: proxy.url }, async (cache) => {
            cache.get('k').catch(() => undefined)
            await until('it connects', () => proxy.accepted > 0)
          })
          await until('the connection is closed', () => proxy.links.size === 0)
        })
        const isAlone = async (): Promise<boolean> => (await admin.clientList()).length === 1
        await until('all others are closed', isAlone)
      })
    }),
  )

  describe("when the client is the user's own", () => {
    const offline = (url: string) => createClient({ url, socket: { reconnectStrategy: () => 20 } })

    it(
      'then one that is not connected says so, and works once it is',
      given(async (redis) => {
        const client = offline(redis.url)
        await withCache({ store: client as object }, async (cache) => {
          const errors = errorsOf(cache)
          expect(await cache.get('k')).to.equal(undefined)
          expect(causeOf(errors[0])).to.include('call its connect() first')
          expect(await rejection(cache.clear())).to.include(unavailable)
          await client.connect()
          await recovered(cache)
        })
        expect(client.isReady, 'it stays open').to.equal(true)
        client.destroy()
      }),
    )

    it(
      'then one that was closed says so, and works once it is connected again',
      given(async (redis) => {
        const client = await offline(redis.url).connect()
        await withCache({ store: client as object }, async (cache) => {
          await recovered(cache)
          await client.close()
          expect(await cache.get('k')).to.equal(undefined)
          expect(await rejection(cache.delete('k'))).to.include(unavailable)
          await client.connect()
          await recovered(cache)
        })
        client.destroy()
      }),
    )

    it(
      'then one that would keep commands for later is not given any while there is no server',
      given(async (redis) => {
        const client = await offline(redis.url).connect()
        await withCache({ store: client as object }, async (cache) => {
          await recovered(cache)
          await redis.kill()
          await until('the client notices', () => !client.isReady)
          expect(await cache.set('k', 'late')).to.equal(false)
          await expectUnavailable(cache)
          await redis.restart()
          await recovered(cache)
          expect(await cache.get('k')).to.equal(undefined)
        })
        client.destroy()
      }),
    )

    it(
      'then it may be that of a KeyvRedis, which connects it',
      given(async (redis) => {
        await redis.kill()
        const store = new KeyvRedis(redis.url, { connectionTimeout: 50 })
        store.on('error', () => undefined)
        await withCache({ ...SHORT, store }, async (cache) => {
          await expectUnavailable(cache)
          await redis.restart()
          await recovered(cache)
        })
        await store.disconnect(true)
      }),
    )
  })

  it(
    'options of the user with an offline queue keep nothing for later either',
    given(async (redis) => {
      const store = { url: redis.url, disableOfflineQueue: false }
      await withCache({ store }, async (cache) => {
        await recovered(cache)
        await redis.kill()
        expect(await cache.set('k', 'late')).to.equal(false)
        await expectUnavailable(cache)
        await redis.restart()
        await recovered(cache)
        expect(await cache.get('k')).to.equal(undefined)
      })
    }),
  )
})

type Admin = Awaited<ReturnType<ReturnType<typeof createClient>['connect']>>

const unavailable = { code: 'ERR_CACHE_UNAVAILABLE', tenant: 'a' }

async function withAdmin(redis: OwnRedis, test: (admin: Admin) => Promise<void>): Promise<void> {
  const admin = await createClient({ url: redis.url }).connect()
  try {
    await test(admin as Admin)
  } finally {
    admin.destroy()
  }
}

/** Calls every method of a cache, when its store is away. */
async function expectUnavailable(cache: TenantCache): Promise<void> {
  const errors = errorsOf(cache)
  expect(await cache.get('k')).to.equal(undefined)
  expect(await cache.getMany(['k', 'l'])).to.deep.equal([undefined, undefined])
  expect(await cache.getRaw('k')).to.equal(undefined)
  expect(await cache.has('k')).to.equal(false)
  expect(await cache.hasMany(['k', 'l'])).to.deep.equal([false, false])
  expect(errors).to.have.length(5)
  expect(await cache.set('k', 1)).to.equal(false)
  expect(await cache.setMany([{ key: 'k', value: 1 }])).to.deep.equal([false])
  expect(await cache.remember('k', LONG, () => 'computed')).to.equal('computed')
  const invalidations = [
    () => cache.delete('k'),
    () => cache.deleteMany(['k', 'l']),
    () => cache.clear(),
    () => cache.purge(),
  ]
  for (const invalidate of invalidations) {
    const told = errors.length
    const error = await rejection(invalidate())
    expect(error).to.include(unavailable)
    expect(error.message).to.include('"a"')
    expect(errors.slice(told)).to.deep.equal([error])
  }
  for (const error of errors) expect(error).to.include(unavailable)
}

/** Waits until the cache works, and sets `k` to 1. */
async function filled(cache: TenantCache): Promise<void> {
  await recovered(cache)
  expect(await cache.set('k', 1)).to.equal(true)
}

/** Waits until the cache works again by itself. */
async function recovered(cache: TenantCache): Promise<void> {
  const isBack = async (): Promise<boolean> =>
    (await cache.set('back', 1)) && (await cache.get('back')) === 1
  for (let attempt = 0; attempt < 60 && !(await isBack()); attempt++) {
    await sleep(100)
  }
  expect(await isBack(), 'the cache works again').to.equal(true)
}

function errorsOf(cache: TenantCache): Error[] {
  const errors: Error[] = []
  cache.on('error', (error) => errors.push(error))
  return errors
}

function causeOf(error: Error | undefined): string {
  return String((error?.cause as Error | undefined)?.message)
}

function mGets(sent: readonly Buffer[]): number {
  return (
    Buffer.concat([...sent])
      .toString('latin1')
      .split('MGET').length - 1
  )
}

function block(millis: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, millis)
}
