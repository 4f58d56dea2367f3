import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { expect } from 'chai'
import type { CacheOptions, TenantCache, TenantKnex } from '../../../src/index.ts'
import { rejection, until } from '../../support/tenants.ts'
import { newRoot, withCaches } from './support/caches.ts'

const LONG = { ttlMillis: 60_000 }

/** A factory that ends when the test says so. */
function slowFactory<T>(): {
  run: () => Promise<T>
  end: (value: T) => void
  fail: (error: Error) => void
  readonly runs: number
} {
  let resolve!: (value: T) => void
  let reject!: (error: Error) => void
  const promise = new Promise<T>((...settle) => {
    ;[resolve, reject] = settle
  })
  let runs = 0
  const run = () => {
    runs++
    return promise
  }
  return {
    run,
    end: resolve,
    fail: reject,
    get runs() {
      return runs
    },
  }
}

/** The kinds of stores, with their options. */
const stores: [string, () => CacheOptions][] = [
  ['in this process', () => ({})],
  ['on Redis', () => ({ store: process.env.TENANT_KNEX_REDIS_URL as string, root: newRoot() })],
]

for (const [where, options] of stores) {
  describe(`remember, ${where}`, () => {
    const given = (test: (tenantKnex: TenantKnex) => Promise<void>, more: CacheOptions = {}) =>
      async function (this: Mocha.Context): Promise<void> {
        if (where === 'on Redis' && !process.env.TENANT_KNEX_REDIS_URL) this.skip()
        await withCaches({ ...options(), ...more }, test)
      }

    describe('when many ask at the same time', () => {
      it(
        'then who asks for one key waits for its factory, although that of another has ended',
        given(async (tenantKnex) => {
          const { cache } = tenantKnex('a')
          const [slow, other] = [slowFactory<string>(), slowFactory<string>()]
          const first = cache.remember('k', LONG, slow.run)
          const another = cache.remember('l', LONG, other.run)
          await until('both run', () => slow.runs + other.runs === 2)
          other.end('of l')
          await another
          const second = cache.remember('k', LONG, slow.run)
          await cache.get('k') // by now the key has been looked for
          slow.end('of k')
          expect(await Promise.all([first, second])).to.deep.equal(['of k', 'of k'])
          expect(slow.runs).to.equal(1)
        }),
      )

      it(
        'then the factory runs once, and each gets a copy of its own',
        given(async (tenantKnex) => {
          let runs = 0
          const ask = () => tenantKnex('a').cache.remember('k', LONG, async () => ({ run: ++runs }))
          const values = await Promise.all(Array.from({ length: 20 }, ask))
          expect(values).to.deep.equal(Array(20).fill({ run: 1 }))
          expect(new Set(values).size).to.equal(20)
          const later = await ask()
          expect(later).to.deep.equal({ run: 1 })
          expect(values).to.not.include(later)
        }),
      )

      it(
        'then each tenant and each key has a run of its own',
        given(async (tenantKnex) => {
          const runs: string[] = []
          const ask = (tenant: string, key: string) =>
            tenantKnex(tenant).cache.remember(key, LONG, async () => {
              runs.push(tenant + key)
              await turn()
              return tenant + key
            })
          const values = await Promise.all([ask('a', 'k'), ask('b', 'k'), ask('a', 'l')])
          expect(values).to.deep.equal(['ak', 'bk', 'al'])
          expect(runs.sort()).to.deep.equal(['ak', 'al', 'bk'])
        }),
      )

      it(
        'then a factory error is for all of them, and is not kept',
        given(async (tenantKnex) => {
          const { cache } = tenantKnex('a')
          const factory = slowFactory<string>()
          const asked = [1, 2, 3].map(() => cache.remember('k', LONG, factory.run))
          await until('the factory runs', () => factory.runs > 0)
          await cache.has('k') // by now all calls have looked for the key
          const failure = new Error('no such thing')
          factory.fail(failure)
          for (const each of asked) expect(await rejection(each)).to.equal(failure)
          expect(factory.runs).to.equal(1)
          expect(await cache.remember('k', LONG, () => 'second')).to.equal('second')
        }),
      )

      it(
        'then it goes on when another key is deleted that was never there',
        given(async (tenantKnex) => {
          const { cache } = tenantKnex('a')
          const factory = slowFactory<number>()
          const first = cache.remember('k', LONG, factory.run)
          await until('the factory runs', () => factory.runs > 0)
          await cache.delete('other')
          const second = cache.remember('k', LONG, factory.run)
          await cache.has('k') // by now the second call has looked for the key
          factory.end(1)
          expect([await first, await second, factory.runs]).to.deep.equal([1, 1, 1])
          expect(await cache.get('k')).to.equal(1)
        }),
      )
    })

    it(
      'gives what a factory throws before it returns',
      given(async (tenantKnex) => {
        const failure = new Error('early')
        const asked = tenantKnex('a').cache.remember('k', LONG, () => {
          throw failure
        })
        expect(await rejection(asked)).to.equal(failure)
      }),
    )

    for (const value of [null, false, 0, '', [], {}]) {
      it(
        `keeps ${JSON.stringify(value)}`,
        given(async (tenantKnex) => {
          const { cache } = tenantKnex('a')
          expect(await cache.remember('k', LONG, () => value)).to.deep.equal(value)
          expect(await cache.remember('k', LONG, () => 'another')).to.deep.equal(value)
        }),
      )
    }

    it(
      'does not keep undefined',
      given(async (tenantKnex) => {
        const { cache } = tenantKnex('a')
        expect(await cache.remember('k', LONG, () => undefined)).to.equal(undefined)
        expect(await cache.has('k')).to.equal(false)
        expect(await cache.remember('k', LONG, () => 1)).to.equal(1)
      }),
    )

    it(
      'rejects where the value has no text, and keeps nothing',
      given(async (tenantKnex) => {
        const { cache } = tenantKnex('a')
        const error = await rejection(cache.remember('k', LONG, () => 1n))
        expect(error).to.include({ code: 'ERR_CACHE_VALUE_INVALID', tenant: 'a' })
        expect(await cache.has('k')).to.equal(false)
      }),
    )

    it(
      'computes anew what cannot be read any more, and an `error` event tells',
      given(
        async (tenantKnex) => {
          const { cache } = tenantKnex('a')
          const errors: Error[] = []
          cache.on('error', (error) => errors.push(error))
          await cache.set('k', 'unreadable')
          expect(await cache.remember('k', LONG, () => 'anew')).to.equal('anew')
          expect(errors.map(({ message }) => message)).to.deep.equal(['what is this?'])
          expect(await cache.get('k')).to.equal('anew')
        },
        { serializer: { stringify: JSON.stringify, parse: parseReadable } },
      ),
    )

    describe('when a factory hangs', () => {
      it(
        'then who waits gets an error, the next call starts anew, and the late result is not kept',
        given(
          async (tenantKnex) => {
            const { cache } = tenantKnex('a')
            const hanging = slowFactory<string>()
            const first = cache.remember('k', LONG, hanging.run)
            await until('the factory runs', () => hanging.runs > 0)
            const error = await rejection(cache.remember('k', LONG, hanging.run))
            expect(error).to.include({ code: 'ERR_CACHE_FACTORY_TIMEOUT', tenant: 'a' })
            expect(hanging.runs).to.equal(1)
            expect(await cache.remember('k', LONG, () => 'newer')).to.equal('newer')
            hanging.end('late')
            expect(await first).to.equal('late')
            expect(await cache.get('k')).to.equal('newer')
          },
          { waitMillis: 100 },
        ),
      )
    })

    describe('when a factory asks for its own key', () => {
      const cycles: [
        string,
        (cache: TenantCache, ask: () => Promise<unknown>) => Promise<unknown>,
      ][] = [
        ['directly', (_, ask) => ask()],
        ['later', (_, ask) => turn().then(ask)],
        ['in the factory of another key', (cache, ask) => cache.remember('l', LONG, ask)],
        [
          'in the factory of a third key',
          (cache, ask) => cache.remember('l', LONG, () => cache.remember('m', LONG, ask)),
        ],
        ['after it was deleted', async (cache, ask) => [await cache.delete('k'), await ask()]],
      ]
      for (const [title, inside] of cycles) {
        it(
          `then it is refused at once: ${title}`,
          given(async (tenantKnex) => {
            const { cache } = tenantKnex('a')
            const ask = (): Promise<unknown> => cache.remember('k', LONG, () => inside(cache, ask))
            const error = await rejection(ask())
            expect(error).to.include({ code: 'ERR_CACHE_FACTORY_CYCLE', tenant: 'a' })
            expect(await cache.remember('k', LONG, () => 'whole')).to.equal('whole')
          }),
        )
      }

      it(
        'then another tenant’s, and what it has begun and not waited for, is none of that',
        given(async (tenantKnex) => {
          const { cache } = tenantKnex('a')
          let later: Promise<unknown> = Promise.resolve()
          let go: () => void = () => undefined
          const ended = new Promise<void>((resolve) => (go = resolve))
          const value = await cache.remember('k', LONG, () => {
            later = ended.then(() => cache.remember('k', LONG, () => 'other'))
            return tenantKnex('b').cache.remember('k', LONG, () => 'of b')
          })
          go()
          expect([value, await later]).to.deep.equal(['of b', 'of b'])
        }),
      )
    })

    describe('when something is said about the key while it is computed', () => {
      const cases: [string, (cache: TenantCache) => Promise<unknown>, unknown][] = [
        ['set', (cache) => cache.set('k', 'set'), 'set'],
        ['setMany', (cache) => cache.setMany([{ key: 'k', value: 'set' }]), 'set'],
        ['delete', (cache) => cache.delete('k'), undefined],
        ['deleteMany', (cache) => cache.deleteMany(['k', 'l']), undefined],
        ['clear', (cache) => cache.clear(), undefined],
        ['purge', (cache) => cache.purge(), undefined],
      ]
      for (const [title, say, left] of cases) {
        it(
          `then after ${title} what was computed is handed out, not kept, and computed anew`,
          given(async (tenantKnex) => {
            const { cache } = tenantKnex('a')
            const old = slowFactory<string>()
            const first = cache.remember('k', LONG, old.run)
            await until('the factory runs', () => old.runs > 0)
            await say(cache)
            const second = await cache.remember('k', LONG, () => 'new')
            expect(second).to.equal(left ?? 'new')
            old.end('old')
            expect(await first).to.equal('old')
            expect(await cache.get('k')).to.equal(left ?? 'new')
          }),
        )
      }

      it(
        'then a word about another key changes nothing',
        given(async (tenantKnex) => {
          const { cache } = tenantKnex('a')
          const factory = slowFactory<string>()
          const first = cache.remember('k', LONG, factory.run)
          await until('the factory runs', () => factory.runs > 0)
          await cache.set('other', 1)
          factory.end('value')
          expect(await first).to.equal('value')
          expect(await cache.get('k')).to.equal('value')
        }),
      )
    })

    describe('when a value is stale', () => {
      const stale = { ttlMillis: 1, staleMillis: 60_000 }

      it(
        'then it is served at once, while one computes it anew',
        given(async (tenantKnex) => {
          const { cache } = tenantKnex('a')
          await cache.remember('k', stale, () => 'old')
          await sleep(5)
          expect(await cache.get('k')).to.equal(undefined)
          const factory = slowFactory<string>()
          const ask = () => cache.remember('k', { ...stale, ttlMillis: 60_000 }, factory.run)
          expect(await Promise.all([ask(), ask(), ask()])).to.deep.equal(['old', 'old', 'old'])
          expect(await ask()).to.equal('old')
          expect(factory.runs).to.equal(1)
          factory.end('new')
          await until('the new value is kept', async () => (await cache.get('k')) === 'new')
          expect(await ask()).to.equal('new')
          expect(factory.runs).to.equal(1)
        }),
      )

      it(
        'then an error is told by an event, and the stale value goes on',
        given(async (tenantKnex) => {
          const { cache } = tenantKnex('a')
          const errors: Error[] = []
          cache.on('error', (error) => errors.push(error))
          await cache.remember('k', stale, () => 'old')
          await sleep(5)
          const failure = new Error('not now')
          const fail = async () => {
            await sleep(20)
            throw failure
          }
          const ask = () => cache.remember('k', stale, fail)
          expect(await Promise.all([ask(), ask(), ask()])).to.deep.equal(['old', 'old', 'old'])
          await until('the event', () => errors.length > 0)
          expect(await ask()).to.equal('old')
          await until('the second event', () => errors.length > 1)
          expect(errors).to.deep.equal([failure, failure])
        }),
      )

      it(
        'then it ends after its time',
        given(async (tenantKnex) => {
          const { cache } = tenantKnex('a')
          await cache.remember('k', { ttlMillis: 1, staleMillis: 20 }, () => 'old')
          await sleep(50)
          expect(await cache.remember('k', stale, () => 'new')).to.equal('new')
        }),
      )

      it(
        'then a refresh that hangs is started anew, and its late result is not kept',
        given(
          async (tenantKnex) => {
            const { cache } = tenantKnex('a')
            await cache.remember('k', stale, () => 'old')
            await sleep(5)
            const hanging = slowFactory<string>()
            expect(await cache.remember('k', stale, hanging.run)).to.equal('old')
            await sleep(60)
            const long = { ...stale, ttlMillis: 60_000 }
            expect(await cache.remember('k', long, () => 'new')).to.equal('old')
            await until('the new value is kept', async () => (await cache.get('k')) === 'new')
            hanging.end('late')
            await turn()
            await cache.has('k') // it comes after a write of the late result
            expect(await cache.get('k')).to.equal('new')
          },
          { waitMillis: 50 },
        ),
      )

      it(
        'then who finds that it has ended waits for the refresh that runs',
        given(async (tenantKnex) => {
          const { cache } = tenantKnex('a')
          const factory = slowFactory<string>()
          await cache.remember('k', { ttlMillis: 1, staleMillis: 400 }, () => 'old')
          await sleep(5)
          const early = cache.remember('k', { ...LONG, staleMillis: 400 }, factory.run)
          expect(await early).to.equal('old')
          await sleep(450)
          const later = cache.remember('k', LONG, factory.run)
          await cache.has('k')
          factory.end('new')
          expect([await later, factory.runs]).to.deep.equal(['new', 1])
        }),
      )
    })

    it(
      'runs the factory with the tenant in scope, wherever it is called',
      given(async (tenantKnex) => {
        const inScope = async () => {
          await turn()
          return tenantKnex.current().tenant.id
        }
        const ask = (key: string) => tenantKnex('a').cache.remember(key, LONG, inScope)
        expect(await ask('1')).to.equal('a')
        expect(await tenantKnex.run('b', () => ask('2'))).to.equal('a')
        await tenantKnex.run('b', async () => {
          await ask('3')
          expect(tenantKnex.current().tenant.id).to.equal('b')
        })
      }),
    )

    it(
      "runs a factory of the shared cache with no tenant in scope, also inside a tenant's",
      given(async (tenantKnex) => {
        const asked = tenantKnex.run('a', () =>
          tenantKnex.sharedCache.remember('k', LONG, async () => {
            await turn()
            return tenantKnex.current().tenant.id
          }),
        )
        expect((await rejection(asked)).code).to.equal('ERR_NO_TENANT')
        const ambient = tenantKnex.run('a', () =>
          tenantKnex.sharedCache.remember('k', LONG, () => tenantKnex.ambient('items') as never),
        )
        expect((await rejection(ambient)).code).to.equal('ERR_NO_TENANT')
      }),
    )

    const invalid: [string, unknown[], string][] = [
      ['no factory', ['k', LONG], 'ERR_OPTION_INVALID'],
      ['no options', ['k', () => 1], 'ERR_OPTION_INVALID'],
      ['null as options', ['k', null, () => 1], 'ERR_OPTION_INVALID'],
      ['a misspelt option', ['k', { tll: 5 }, () => 1], 'ERR_OPTION_INVALID'],
      ['a ttl of 0', ['k', { ttlMillis: 0 }, () => 1], 'ERR_OPTION_INVALID'],
      ['a ttl that is no number', ['k', { ttlMillis: '60' }, () => 1], 'ERR_OPTION_INVALID'],
      ['a ttl without end', ['k', { ttlMillis: Infinity }, () => 1], 'ERR_OPTION_INVALID'],
      ['a negative staleMillis', ['k', { staleMillis: -1 }, () => 1], 'ERR_OPTION_INVALID'],
      ['no key', [undefined, LONG, () => 1], 'ERR_CACHE_KEY_INVALID'],
      ['an empty key', ['', LONG, () => 1], 'ERR_CACHE_KEY_INVALID'],
    ]
    for (const [old, name] of [
      ['ttl', 'ttlMillis'],
      ['staleFor', 'staleMillis'],
    ]) {
      it(
        `tells the new name of the option ${old}`,
        given(async (tenantKnex) => {
          const { cache } = tenantKnex('a')
          const error = await rejection(cache.remember('k', { [old as string]: 5 }, () => 1))
          expect(error).to.include({ code: 'ERR_OPTION_INVALID', tenant: 'a' })
          expect(error.message).to.equal(`\`${old}\` is now called \`${name}\`.`)
        }),
      )
    }
    for (const [title, args, code] of invalid) {
      it(
        `refuses ${title}`,
        given(async (tenantKnex) => {
          const { cache } = tenantKnex('a')
          const remember = cache.remember.bind(cache) as (...args: unknown[]) => Promise<unknown>
          expect(await rejection(remember(...args))).to.include({ code, tenant: 'a' })
        }),
      )
    }
  })
}

function parseReadable(text: string): unknown {
  if (text.includes('unreadable')) throw new Error('what is this?')
  return JSON.parse(text)
}

describe('remember, while its store is away', () => {
  it('computes for each tenant by itself', () =>
    withCaches({ store: 'redis://127.0.0.1:9', timeoutMillis: 50 }, async (tenantKnex) => {
      const ask = (tenant: string) => {
        const { cache } = tenantKnex(tenant)
        cache.on('error', () => undefined)
        return cache.remember('k', LONG, async () => {
          await sleep(20) // so that both run at a time
          return tenantKnex.current().tenant.id
        })
      }
      expect(await Promise.all(['a', 'b', 'a'].map(ask))).to.deep.equal(['a', 'b', 'a'])
    }))
})
