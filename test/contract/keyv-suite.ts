import { expect } from 'chai'
import { rejection, until } from '../support/tenants.ts'
import type { CacheContract } from './cache-contract.ts'

/**
 * The cases of Keyv's own published test suite (`@keyv/test-suite` 2.1.2: api, values, namespace,
 * iterator), for a tenant's cache. The suite itself creates a Keyv from a store, so its code cannot be
 * used here.
 *
 * A tenant's cache differs in these points, on purpose:
 * - The `cache` option chooses the store, once. Tenants separate the keys, not `namespace`.
 * - The `cache` option also chooses the serializer. A later `serialize` or `compression` is refused. So
 *   the suite's tests of compression, which test a compressor alone, are left out.
 * - `iterator()` is refused unless `cache.allowScan` is true.
 * - Every entry has a time to live. The store or `purge()` deletes expired entries.
 */
export const keyvSuite: CacheContract = (withStore, { lists }) => {
  type Test = (cache: import('../../src/index.ts').TenantCache) => Promise<unknown>
  const test = (title: string, run: Test): void => {
    it(title, () => withStore({}, async (tenantKnex) => void (await run(tenantKnex('a').cache))))
  }

  test('.set(), .get(), .delete() and .clear() return promises', async (cache) => {
    const calls = [
      ...[cache.set('foo', 'bar'), cache.get('foo'), cache.has('foo')],
      ...[cache.delete('foo'), cache.delete(['foo']), cache.clear()],
    ]
    for (const call of calls) expect(call).to.be.instanceOf(Promise)
    await Promise.all(calls)
  })

  test('.set(key, value) resolves to true and sets a value', async (cache) => {
    expect(await cache.set('foo', 'bar')).to.equal(true)
    expect(await cache.get('foo')).to.equal('bar')
  })

  test('.set(key, value, ttl) sets a value that expires', async (cache) => {
    await cache.set('foo', 'bar', 1_000)
    expect(await cache.get('foo')).to.equal('bar')
    await withDateAhead(1_001, async () => expect(await cache.get('foo')).to.equal(undefined))
  })

  test('.get(key) with nonexistent key resolves to undefined', async (cache) => {
    expect(await cache.get('foo')).to.equal(undefined)
  })

  test('.get([keys]) returns array values', async (cache) => {
    for (const [key, value] of PAIRS) await cache.set(key, value, 3_000)
    expect(await cache.get(['foo', 'foo1', 'foo2'])).to.deep.equal(['bar', 'bar1', 'bar2'])
  })

  test('.get([keys]) returns undefined for what has expired', async (cache) => {
    await cache.set('foo', 'bar')
    await cache.set('foo1', 'bar1', 1)
    await cache.set('foo2', 'bar2')
    await until('one to expire', async () => (await cache.get('foo1')) === undefined)
    expect(await cache.get(['foo', 'foo1', 'foo2'])).to.deep.equal(['bar', undefined, 'bar2'])
  })

  test('.get([keys]) returns undefined for what is not there', async (cache) => {
    expect(await cache.get(['foo', 'foo1'])).to.deep.equal([undefined, undefined])
    await cache.set('foo', 'bar', 3_000)
    expect(await cache.get(['foo', 'foo1'])).to.deep.equal(['bar', undefined])
  })

  test('.delete(key) deletes a key and resolves to true', async (cache) => {
    await cache.set('foo', 'bar')
    expect(await cache.delete('foo')).to.equal(true)
    expect(await cache.get('foo')).to.equal(undefined)
  })

  test('.delete(key) with nonexistent key resolves to false', async (cache) => {
    expect(await cache.delete('foo')).to.equal(false)
  })

  test('.deleteMany([keys]) deletes multiple keys', async (cache) => {
    for (const [key, value] of PAIRS) await cache.set(key, value)
    expect(await cache.delete(['foo', 'foo1', 'foo2'])).to.equal(true)
    for (const [key] of PAIRS) expect(await cache.get(key)).to.equal(undefined)
  })

  test('.deleteMany([keys]) with nonexistent keys resolves to false', async (cache) => {
    expect(await cache.delete(['foo', 'foo1', 'foo2'])).to.equal(false)
  })

  test('.clear() resolves to undefined and deletes all key/value pairs', async (cache) => {
    expect(await cache.clear()).to.equal(undefined)
    await cache.set('foo', 'bar')
    await cache.set('fizz', 'buzz')
    expect(await cache.clear()).to.equal(undefined)
    expect(await cache.get('foo')).to.equal(undefined)
    expect(await cache.get('fizz')).to.equal(undefined)
  })

  test('.has(key) where key is the key we are looking for', async (cache) => {
    await cache.set('foo', 'bar')
    expect(await cache.has('foo')).to.equal(true)
    expect(await cache.has('fizz')).to.equal(false)
  })

  const values: [string, unknown][] = [
    ['false', false],
    ['null', null],
    ['undefined', undefined],
    ['a number', 0],
    ['an object', { fizz: 'buzz' }],
    ['a buffer', Buffer.from('bar')],
    ['an object containing a buffer', { buff: Buffer.from('buzz') }],
    ['quotes', '"'],
    ['a string', 'bar'],
    ['a single quote', "'"],
    ['single quotes', "''"],
  ]
  for (const [title, value] of values) {
    test(`value can be ${title}`, async (cache) => {
      await cache.set('foo', value)
      expect(await cache.get('foo')).to.deep.equal(value)
    })
  }

  test('value can not be symbol', async (cache) => {
    const { message } = await rejection(cache.set('foo', Symbol('value')))
    expect(message).to.equal('symbol cannot be serialized')
  })

  test('single quotes key should be saved', async (cache) => {
    await cache.set("'", "'")
    expect(await cache.get("'")).to.equal("'")
  })

  it('value can be BigInt using another serializer', () => {
    const stringify = (value: unknown): string =>
      JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? `${one}n` : one))
    const parse = (text: string): unknown =>
      JSON.parse(text, (_, one) => (/^\d+n$/.test(one) ? BigInt(one.slice(0, -1)) : one))
    return withStore({ serializer: { stringify, parse } }, async (tenantKnex) => {
      const { cache } = tenantKnex('a')
      await cache.set('foo', 9223372036854775807n)
      expect(await cache.get('foo')).to.equal(9223372036854775807n)
    })
  })

  it("tenants' set/get don't collide, where the suite has namespaces", () =>
    withStore({}, async (tenantKnex) => {
      const { cache: keyv1 } = tenantKnex('keyv1')
      const { cache: keyv2 } = tenantKnex('keyv2')
      await keyv1.set('foo', 'keyv1')
      await keyv2.set('foo', 'keyv2')
      await keyv1.set('bar', 'keyv1')
      await keyv2.set('bar', 'keyv2')
      expect([await keyv1.get('foo'), await keyv2.get('foo')]).to.deep.equal(['keyv1', 'keyv2'])
      expect(await keyv1.delete('foo')).to.equal(true)
      expect([await keyv1.get('foo'), await keyv2.get('foo')]).to.deep.equal([undefined, 'keyv2'])
      await keyv1.clear()
      expect([await keyv1.get('bar'), await keyv2.get('bar')]).to.deep.equal([undefined, 'keyv2'])
    }))

  if (!lists) return

  it('iterator() iterates over all values, of this tenant only', () =>
    withStore({ allowScan: true }, async (tenantKnex) => {
      const { cache } = tenantKnex('keyv2')
      const pairs = Array.from({ length: 5 }, (_, i): [string, string] => [`${i}`, `${i + 10}`])
      await Promise.all(pairs.map(([key, value]) => cache.set(key, value)))
      await Promise.all(pairs.map(([key]) => tenantKnex('keyv1').cache.set(key, 'other')))
      const iterator = cache.iterator?.({})
      expect(iterator?.[Symbol.asyncIterator]).to.be.a('function')
      const found = []
      for await (const entry of iterator ?? []) found.push(entry)
      expect(found).to.have.deep.members(pairs)
    }))

  it("iterator() doesn't yield expired values", () =>
    withStore({ allowScan: true }, async (tenantKnex) => {
      const { cache } = tenantKnex('a')
      await cache.set('old', 1, 1)
      await cache.set('foo', 'bar')
      await until('one to expire', async () => !(await cache.has('old')))
      const iterator = cache.iterator?.({}) as AsyncGenerator
      expect((await iterator.next()).value).to.deep.equal(['foo', 'bar'])
      expect((await iterator.next()).value).to.equal(undefined)
    }))
}

const PAIRS: readonly (readonly [string, string])[] = [
  ['foo', 'bar'],
  ['foo1', 'bar1'],
  ['foo2', 'bar2'],
]

/** Runs a function while the clock of this process shows a later time, as the suite does. */
async function withDateAhead(millis: number, fn: () => Promise<unknown>): Promise<void> {
  const { now } = Date
  Date.now = () => now() + millis
  try {
    await fn()
  } finally {
    Date.now = now
  }
}
