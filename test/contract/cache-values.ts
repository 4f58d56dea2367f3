import { expect } from 'chai'
import type { CacheSerializer } from '../../src/index.ts'
import { rejection } from '../support/tenants.ts'
import type { CacheContract } from './cache-contract.ts'

/** Values of each type, and how they come back. */
export const cacheValues: CacheContract = (withStore) => {
  const kept: [string, unknown][] = [
    ['a text', 'text'],
    ['an empty text', ''],
    ['a text that begins as Keyv marks Buffers', ':base64:AAAA'],
    ['a text that begins with a colon', ':x'],
    ['a text with all that separates', 'a|b:c{d}\n"e"\\\u2028\u0000'],
    ['a text with a lone surrogate', 'a\ud800b'],
    ['a number', 1.5],
    ['zero', 0],
    ['false', false],
    ['null', null],
    ['an array', [1, [2, null], '']],
    ['an object', { a: { b: [1] }, __proto: 1, constructor: 'x' }],
    ['a Buffer', Buffer.from([0, 255, 128])],
    ['Buffers inside', { list: [Buffer.from('x')], text: ':y' }],
  ]
  for (const [title, value] of kept) {
    it(`gives back ${title}`, () =>
      withStore({}, async (tenantKnex) => {
        const { cache } = tenantKnex('a')
        await cache.set('k', value)
        expect(await cache.get('k')).to.deep.equal(value)
        expect(await cache.getMany(['k'])).to.deep.equal([value])
        expect(await cache.has('k')).to.equal(true)
      }))
  }

  const changed: [string, unknown, unknown][] = [
    ['a Date into its text', new Date(0), '1970-01-01T00:00:00.000Z'],
    ['a Map into {}', new Map([[1, 2]]), {}],
    ['NaN into null', Number.NaN, null],
    ['undefined in an object into nothing', { a: undefined, b: 1 }, { b: 1 }],
    ['a symbol in an object into nothing', { [Symbol('x')]: 1, b: 1 }, { b: 1 }],
  ]
  for (const [title, value, expected] of changed) {
    it(`makes ${title}, as Keyv does`, () =>
      withStore({}, async (tenantKnex) => {
        const { cache } = tenantKnex('a')
        await cache.set('k', value)
        expect(await cache.get('k')).to.deep.equal(expected)
      }))
  }

  it('keeps that undefined was set, as Keyv does', () =>
    withStore({}, async (tenantKnex) => {
      const { cache } = tenantKnex('a')
      await cache.set('k', undefined)
      expect(await cache.get('k')).to.equal(undefined)
      expect(await cache.has('k')).to.equal(true)
      expect(await cache.delete('k')).to.equal(true)
    }))

  const refused: [string, () => unknown][] = [
    ['a BigInt', () => 1n],
    ['a BigInt inside', () => ({ id: 1n })],
    ['a function', () => () => 1],
    ['a cycle', cycle],
  ]
  for (const [title, make] of refused) {
    it(`refuses ${title}, and keeps what was there`, () =>
      withStore({}, async (tenantKnex) => {
        const { cache } = tenantKnex('a')
        await cache.set('k', 'before')
        const error = await rejection(cache.set('k', make()))
        expect(error).to.include({ code: 'ERR_CACHE_VALUE_INVALID', tenant: 'a' })
        const many = cache.setMany([
          { key: 'l', value: 1 },
          { key: 'k', value: make() },
        ])
        expect((await rejection(many)).code).to.equal('ERR_CACHE_VALUE_INVALID')
        expect(await cache.getMany(['k', 'l'])).to.deep.equal(['before', undefined])
      }))
  }

  it('refuses a symbol in the words of Keyv', () =>
    withStore({}, async (tenantKnex) => {
      const { cache } = tenantKnex('a')
      const error = await rejection(cache.set('k', Symbol('x')))
      expect(error.message).to.equal('symbol cannot be serialized')
    }))

  it('takes a serializer that knows more types', () =>
    withStore({ serializer: TYPED }, async (tenantKnex) => {
      const { cache } = tenantKnex('a')
      const value = { big: 2n ** 64n, when: new Date(5), map: new Map([['a', 1n]]), text: '|' }
      await cache.set('k', value)
      expect(await cache.get('k')).to.deep.equal(value)
      expect(await cache.getMany(['k'])).to.deep.equal([value])
    }))

  it('finds nothing where the serializer can no longer read it, and tells', () =>
    withStore({}, async (tenantKnex) => {
      let works = true
      const parse = (text: string): unknown => {
        if (!works) throw new Error('an old format')
        return JSON.parse(text)
      }
      const options = { serializer: { stringify: JSON.stringify, parse } as CacheSerializer }
      await withStore(options, async (later) => {
        const { cache } = later('a')
        const errors: Error[] = []
        cache.on('error', (error) => errors.push(error))
        await cache.set('k', 1)
        works = false
        expect(await cache.get('k')).to.equal(undefined)
        expect(await cache.getMany(['k'])).to.deep.equal([undefined])
        expect(errors.map(({ message }) => message)).to.deep.equal([
          'an old format',
          'an old format',
        ])
        expect(await tenantKnex('a').cache.get('k')).to.equal(undefined)
      })
    }))

  it('hands out copies only', () =>
    withStore({}, async (tenantKnex) => {
      const { cache } = tenantKnex('a')
      const value = { list: [1] }
      await cache.set('k', value)
      value.list.push(2)
      const first = (await cache.get('k')) as typeof value
      first.list.push(3)
      const raw = (await cache.getRaw('k')) as { value: typeof value }
      raw.value.list.push(4)
      expect(await cache.get('k')).to.deep.equal({ list: [1] })
      expect(await cache.getMany(['k'])).to.deep.equal([{ list: [1] }])
    }))
}

/** Like superjson: it writes each value with the name of its type. */
const TYPED: CacheSerializer = {
  stringify: (value) =>
    JSON.stringify(value, function (this: Record<string, unknown>, key, plain) {
      const given = this[key]
      if (typeof given === 'bigint') return { $: 'bigint', of: String(given) }
      if (given instanceof Date) return { $: 'date', of: given.getTime() }
      if (given instanceof Map) return { $: 'map', of: [...given] }
      return plain
    }),
  parse: (text) =>
    JSON.parse(text, (_key, value) => {
      if (value?.$ === 'bigint') return BigInt(value.of)
      if (value?.$ === 'date') return new Date(value.of)
      return value?.$ === 'map' ? new Map(value.of) : value
    }),
}

function cycle(): object {
  const one: { self?: object } = {}
  one.self = one
  return one
}
