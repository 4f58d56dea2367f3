import { expect } from 'chai'
import { Keyv } from 'keyv'
import { LRUCache } from 'lru-cache'
import { type CacheOptions, createTenantKnex } from '../../../src/index.ts'
import { CACHE_DEFAULTS, resolveCacheOptions } from '../../../src/options/cache.ts'
import { thrown } from '../../support/tenants.ts'

const MILLIS = ['ttlMillis', 'timeoutMillis', 'waitMillis'] as const
const COUNTS = ['maxItemsPerTenant', 'maxBytesPerTenant', 'maxBytes'] as const

describe('options of the cache', () => {
  const invalid: [string, unknown, RegExp][] = [
    ['a text in their place', 'redis://h', /`cache` must be an object/],
    ['an unknown key', { max: 3 }, /`cache\.max`.*Known here: allowScan,/],
    ['the namespace of Keyv', { namespace: 'x' }, /`cache\.namespace`/],
    ...MILLIS.flatMap((name): [string, unknown, RegExp][] =>
      [0, -1, 1.5, Number.NaN, 2 ** 31, '5'].map((value) => [
        `${name} of ${typeof value} ${value}`,
        { [name]: value },
        new RegExp(`\`cache\\.${name}\` must be a whole number from 1 to 2147483647, got`),
      ]),
    ),
    ...COUNTS.flatMap((name): [string, unknown, RegExp][] =>
      [0, -1, 1.5, Number.POSITIVE_INFINITY, '5'].map((value) => [
        `${name} of ${typeof value} ${value}`,
        { [name]: value },
        new RegExp(`\`cache\\.${name}\` must be a whole number from 1 to`),
      ]),
    ),
    ...['', 'a:b', 'a b', '{a}', 'a*', 'é', 'x'.repeat(65), 7, null].map(
      (root): [string, unknown, RegExp] => [
        `the root ${JSON.stringify(root)}`,
        { root },
        /`cache\.root` must be 1 to 64 letters, digits, dots/,
      ],
    ),
    ['the old name of ttlMillis', { ttl: 5 }, /^`cache\.ttl` is now called `cache\.ttlMillis`\.$/],
    ['a prefix that is no function', { prefix: 'x' }, /`cache\.prefix` must be a function/],
    ['allowScan that is no boolean', { allowScan: 1 }, /`cache\.allowScan` must be true or false/],
    ['a serializer without parse', { serializer: { stringify: String } }, /`parse`/],
    ['a serializer without stringify', { serializer: { parse: String } }, /`stringify`/],
    ['a serializer in the words of Keyv', { serializer: { serialize: String } }, /`stringify`/],
    ['a serializer that is null', { serializer: null }, /`cache\.serializer`/],
    ['a URL of another kind', { store: 'http://:secret@h/' }, /redis:\/\/ or rediss:\/\/ URL/],
    ['what is no URL', { store: 'secret' }, /redis:\/\/ or rediss:\/\/ URL/],
    ['a password with a %', { store: 'redis://:secret%@h/' }, /encodeURIComponent/],
    ['an empty text as store', { store: '' }, /redis:\/\/ or rediss:\/\/ URL/],
    ['a Keyv as store', { store: new Keyv() }, /is a Keyv.*Pass the store it was made of/],
    ['an empty object as store', { store: {} }, /`cache\.store` must be a redis:\/\/ URL/],
    ['a list as store', { store: [] }, /`cache\.store` must be a redis:\/\/ URL/],
    ['null as store', { store: null }, /`cache\.store` must be a redis:\/\/ URL/],
    ['a number as store', { store: 6379 }, /`cache\.store` must be a redis:\/\/ URL/],
    ['an lru-cache as store', { store: new LRUCache({ max: 1 }) }, /is an lru-cache.*Leave it out/],
    ['a Set as store', { store: new Set() }, /`cache\.store` must be a redis:\/\/ URL/],
  ]
  for (const [title, cache, message] of invalid) {
    it(`refuse ${title}`, () => {
      const options = { connection: { host: '127.0.0.1' }, cache: cache as CacheOptions }
      const error = thrown(() => createTenantKnex(options))
      expect(error.code).to.equal('ERR_OPTION_INVALID')
      expect(error.message).to.match(message).and.not.contain('secret')
    })
  }

  it('have defaults for everything', () => {
    expect(resolveCacheOptions({})).to.deep.equal({
      ...{ store: undefined, serializer: undefined, prefix: CACHE_DEFAULTS.prefix },
      ...{ ttlMillis: 3_600_000, root: 'tenant-knex', timeoutMillis: 100, waitMillis: 10_000 },
      ...{ allowScan: false, maxItemsPerTenant: 10_000 },
      ...{ maxBytesPerTenant: 16 * 2 ** 20, maxBytes: 64 * 2 ** 20 },
    })
    expect(CACHE_DEFAULTS.prefix('a:b')).to.equal('a:b')
  })

  it('take undefined for left out', () => {
    const given = Object.fromEntries(Object.keys(CACHE_DEFAULTS).map((key) => [key, undefined]))
    expect(resolveCacheOptions(given)).to.deep.equal({ ...CACHE_DEFAULTS })
  })

  it('are not changed by us, nor by later changes of theirs', () => {
    const given = { root: 'one', ttlMillis: 5 }
    const resolved = resolveCacheOptions(given)
    given.root = 'two'
    expect(resolved).to.include({ root: 'one', ttlMillis: 5 })
    expect(Object.isFrozen(resolved)).to.equal(true)
  })

  it('take what they are documented to take', () => {
    const limits = { maxItemsPerTenant: 1, maxBytesPerTenant: 1, maxBytes: 2 ** 40 }
    const times = { ttlMillis: 1, timeoutMillis: 2 ** 31 - 1, waitMillis: 1 }
    const root = 'My.app_2-x'
    expect(resolveCacheOptions({ ...limits, ...times, root, serializer: JSON })).to.deep.include({
      ...{ ...limits, ...times, root },
      serializer: JSON,
    })
  })
})
