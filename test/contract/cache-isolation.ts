import { expect } from 'chai'
import type { TenantKnex } from '../../src/index.ts'
import { rejection, thrown } from '../support/tenants.ts'
import type { CacheContract } from './cache-contract.ts'

/** Ids that an encoding, a pattern, a separator or a collation could confuse with each other. */
export const HOSTILE_IDS: readonly string[] = [
  ...['a', 'b', 'ab', 'abc', 'A', 'a:b', 'a::b', 'a:k:x'],
  ...['a*', '*', '?', '[ab]', 'a\\', '%61', '%2F', '/', '{a}', 'a}:k:x'],
  ...['\u00e9', 'e\u0301', '__proto__', 'x'.repeat(128)],
]

/** Keys that look like a store's own keys, or like another tenant's keys. */
export const HOSTILE_KEYS: readonly string[] = [
  ...['x', 'e', 'k:x', '__proto__', 'toString', 'b:x', '{a}:k:x', '*', 'a|9999999999999|1'],
]

/** No tenant reads, overwrites, lists, deletes or clears the entries of another. */
export const cacheIsolation: CacheContract = (withStore, { lists }) => {
  it('22 tenants with 9 keys each read their own, alone and many at a time', () =>
    withStore({}, async (tenantKnex) => {
      await fill(tenantKnex)
      expect(HOSTILE_IDS.length * HOSTILE_KEYS.length).to.equal(198)
      for (const id of HOSTILE_IDS) {
        const { cache } = tenantKnex(id)
        const read = await Promise.all(HOSTILE_KEYS.map((key) => cache.get(key)))
        expect(read, id).to.deep.equal(own(id))
        expect(await cache.getMany([...HOSTILE_KEYS]), id).to.deep.equal(own(id))
        expect(await cache.hasMany([...HOSTILE_KEYS]), id).to.deep.equal(Array(9).fill(true))
      }
    }))

  it('what one overwrites is as it was for all others', () =>
    withStore({}, async (tenantKnex) => {
      await fill(tenantKnex)
      const written: string[] = []
      for (const id of HOSTILE_IDS) {
        const entries = HOSTILE_KEYS.map((key) => ({ key, value: `${id} again` }))
        await tenantKnex(id).cache.setMany(entries)
        written.push(id)
        await expectEach(tenantKnex, (one, key) =>
          written.includes(one) ? `${one} again` : mark(one, key),
        )
      }
    }))

  it('what one deletes, all others have', () =>
    withStore({}, async (tenantKnex) => {
      await fill(tenantKnex)
      const gone: string[] = []
      for (const id of HOSTILE_IDS) {
        expect(await tenantKnex(id).cache.deleteMany([...HOSTILE_KEYS]), id).to.equal(true)
        gone.push(id)
        await expectEach(tenantKnex, (one, key) =>
          gone.includes(one) ? undefined : mark(one, key),
        )
      }
    }))

  for (const method of ['clear', 'purge'] as const) {
    it(`what one has lost by ${method}(), all others have`, () =>
      withStore({}, async (tenantKnex) => {
        await fill(tenantKnex)
        const gone: string[] = []
        for (const id of HOSTILE_IDS) {
          await tenantKnex(id).cache[method]()
          gone.push(id)
          await expectEach(tenantKnex, (one, key) =>
            gone.includes(one) ? undefined : mark(one, key),
          )
        }
      }))
  }

  if (lists) {
    it('each lists its own entries only', () =>
      withStore({ allowScan: true }, async (tenantKnex) => {
        await fill(tenantKnex)
        for (const id of HOSTILE_IDS) {
          const found: unknown[] = []
          for await (const entry of tenantKnex(id).cache.iterator?.({}) ?? []) found.push(entry)
          const expected = HOSTILE_KEYS.map((key) => [key, mark(id, key)])
          expect(found, id).to.have.deep.members(expected)
        }
      }))
  }

  it('no tenant reaches the shared cache, nor it them', () =>
    withStore({ allowScan: true }, async (tenantKnex) => {
      const { sharedCache } = tenantKnex
      await fill(tenantKnex)
      expect(await sharedCache.getMany([...HOSTILE_KEYS])).to.deep.equal(Array(9).fill(undefined))
      await sharedCache.setMany(HOSTILE_KEYS.map((key) => ({ key, value: 'shared' })))
      await expectEach(tenantKnex, mark)
      for (const id of HOSTILE_IDS) await tenantKnex(id).cache.clear()
      expect(await sharedCache.getMany([...HOSTILE_KEYS])).to.deep.equal(Array(9).fill('shared'))
      await fill(tenantKnex)
      await sharedCache.clear()
      await expectEach(tenantKnex, mark)
    }))

  it('two applications with roots of their own are apart', () =>
    withStore({}, (one, root) =>
      withStore({ root: `${root}-2` }, async (two) => {
        await one('a').cache.set('k', 1)
        await two('a').cache.set('k', 2)
        await one.sharedCache.set('k', 3)
        expect(await two.sharedCache.get('k')).to.equal(undefined)
        await two('a').cache.purge()
        await two.sharedCache.purge()
        expect([await one('a').cache.get('k'), await one.sharedCache.get('k')]).to.deep.equal([
          1, 3,
        ])
      }),
    ))

  it('nothing set from outside makes a cache another one', () =>
    withStore({}, async (tenantKnex) => {
      const { cache } = tenantKnex('a')
      const { cache: victim } = tenantKnex('b')
      await cache.set('k', 'of a')
      await victim.set('k', 'of b')
      const attempts: [string, () => void][] = [
        ['namespace', () => Object.assign(cache, { namespace: victim.prefix })],
        ['namespace b', () => Object.assign(cache, { namespace: 'b' })],
        ['store', () => Object.assign(cache, { store: victim.store })],
        ['opts.store', () => Object.assign(cache.opts, { store: victim.store })],
        ['opts', () => Object.assign(cache, { opts: victim.opts })],
        ['prefix', () => Object.assign(cache, { prefix: victim.prefix })],
        ['serialize', () => Object.assign(cache, { serialize: () => 'x' })],
        ['deserialize', () => Object.assign(cache, { deserialize: () => ({ value: 'x' }) })],
        ['compression', () => Object.assign(cache, { compression: {} })],
        ['opts.namespace', () => Object.assign(cache.opts, { namespace: victim.prefix })],
        ['store.namespace', () => Object.assign(cache.store, { namespace: victim.prefix })],
      ]
      for (const [what, attempt] of attempts) {
        const error = attemptTo(attempt)
        if (error) expect(error, what).to.match(/fixed|read only|only a getter/)
        expect(await cache.get('k'), what).to.equal('of a')
        expect(await cache.getMany(['k']), what).to.deep.equal(['of a'])
        await cache.setMany([{ key: 'l', value: what }])
        await cache.set('m', what)
        expect(await victim.hasMany(['l', 'm']), what).to.deep.equal([false, false])
      }
      cache.namespace = 'b'
      cache.useKeyPrefix = true
      await cache.set('k', 'of a, prefixed')
      expect(await cache.get('k')).to.equal('of a, prefixed')
      await cache.delete('k')
      await cache.clear()
      expect(await victim.get('k')).to.equal('of b')
    }))

  it('takes prefixes of a function, encoded like ids', () =>
    withStore({ prefix: (id) => `${id}:{*}` }, async (tenantKnex) => {
      await fill(tenantKnex)
      await expectEach(tenantKnex, mark)
      await tenantKnex('a').cache.purge()
      await expectEach(tenantKnex, (id, key) => (id === 'a' ? undefined : mark(id, key)))
    }))

  it('takes prefixes that no id can be', () => {
    const prefixes = new Map([
      ['1', 'y'.repeat(255)],
      ['2', 'y'.repeat(254)],
      ['3', '\u0000'],
      ['4', '\n'],
    ])
    return withStore({ prefix: (id) => prefixes.get(id) ?? '' }, async (tenantKnex) => {
      for (const id of prefixes.keys()) await tenantKnex(id).cache.set('k', id)
      for (const id of prefixes.keys()) expect(await tenantKnex(id).cache.get('k')).to.equal(id)
    })
  })

  const invalid: [string, unknown][] = [
    ['an empty text', ''],
    ['256 characters', 'x'.repeat(256)],
    ['a lone surrogate', '\ud800'],
    ['undefined', undefined],
    ['null', null],
    ['a number', 1],
    ['an object', {}],
    ['a promise', Promise.resolve('a')],
  ]
  for (const [title, part] of invalid) {
    it(`refuses a prefix function that gives ${title}`, () =>
      withStore({ prefix: () => part as string }, async (tenantKnex) => {
        const error = thrown(() => tenantKnex('a').cache)
        expect(error).to.include({ code: 'ERR_CACHE_PREFIX_INVALID', tenant: 'a' })
        await tenantKnex.sharedCache.set('k', 1)
        expect(await tenantKnex.sharedCache.get('k')).to.equal(1)
      }))
  }

  it('refuses two tenants with one prefix', () =>
    withStore({ prefix: () => 'same' }, async (tenantKnex) => {
      const a = tenantKnex('a')
      await a.cache.set('k', 'of a')
      const error = thrown(() => tenantKnex('b').cache)
      expect(error).to.include({ code: 'ERR_CACHE_PREFIX_SHARED', tenant: 'b' })
      expect(await a.cache.get('k')).to.equal('of a')
    }))

  it('refuses two tenants with one prefix, in two processes', () =>
    withStore({ prefix: () => 'same' }, (one, root) =>
      withStore({ prefix: () => 'same', root }, async (two) => {
        const { cache } = one('a')
        const { cache: intruder } = two('b')
        await cache.set('k', 'of a')
        await two.sharedCache.set('probe', 1)
        if (!(await one.sharedCache.has('probe'))) return // processes share no memory store
        const calls = [
          () => intruder.get('k'),
          () => intruder.getMany(['k']),
          () => intruder.has('k'),
          () => intruder.set('k', 'of b'),
          () => intruder.remember('k', {}, () => 'of b'),
          () => intruder.delete('k'),
          () => intruder.clear(),
          () => intruder.purge(),
        ]
        for (const call of calls) {
          const error = await rejection(call())
          expect(error, String(call)).to.include({ code: 'ERR_CACHE_PREFIX_SHARED', tenant: 'b' })
          expect(await cache.get('k'), String(call)).to.equal('of a')
        }
      }),
    ))
}

async function fill(tenantKnex: TenantKnex): Promise<void> {
  for (const id of HOSTILE_IDS) {
    const entries = HOSTILE_KEYS.map((key) => ({ key, value: mark(id, key) }))
    expect(await tenantKnex(id).cache.setMany(entries)).to.deep.equal(Array(9).fill(true))
  }
}

function mark(id: string, key: string): string {
  return `${key} of ${id}`
}

function own(id: string): string[] {
  return HOSTILE_KEYS.map((key) => mark(id, key))
}

async function expectEach(
  tenantKnex: TenantKnex,
  expected: (id: string, key: string) => string | undefined,
): Promise<void> {
  const read = await Promise.all(
    HOSTILE_IDS.map((id) => tenantKnex(id).cache.getMany([...HOSTILE_KEYS])),
  )
  const wanted = HOSTILE_IDS.map((id) => HOSTILE_KEYS.map((key) => expected(id, key)))
  expect(read).to.deep.equal(wanted)
}

function attemptTo(fn: () => void): string | undefined {
  try {
    fn()
    return undefined
  } catch (error) {
    return (error as Error).message
  }
}
