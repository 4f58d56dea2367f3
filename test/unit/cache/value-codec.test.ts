import { expect } from 'chai'
import { Keyv } from 'keyv'
import { DEFAULT_SERIALIZER, decode, encode } from '../../../src/cache/value-codec.ts'
import type { CacheSerializer } from '../../../src/index.ts'
import { numbers } from '../../server/cache/support/numbers.ts'
import { thrown } from '../../support/tenants.ts'

const LETTERS = [...':"\\{}[],base64:=AZ\u2028é\ud800']

describe('the texts of values', () => {
  it('mean what those of Keyv mean, there and back, for whatever it can keep', () => {
    const keyv = new Keyv()
    const next = numbers(3)
    for (let i = 0; i < 5_000; i++) {
      const value = generated(next, 3)
      const text = encode(DEFAULT_SERIALIZER, value, undefined)
      const stored = keyv.serialize?.({ value } as never) as string
      const theirs = keyv.deserialize?.(stored) as unknown as { value?: unknown }
      const back = decode(DEFAULT_SERIALIZER, text)
      expect(back).to.deep.equal(theirs.value)
      expect(back).to.deep.equal(value)
    }
  })

  it('give another object each time', () => {
    const text = encode(DEFAULT_SERIALIZER, { list: [] }, undefined)
    expect(decode(DEFAULT_SERIALIZER, text)).not.to.equal(decode(DEFAULT_SERIALIZER, text))
  })

  const useless: [string, CacheSerializer['stringify']][] = [
    ['nothing', () => undefined as never],
    ['a Buffer', () => Buffer.from('x') as never],
    ['a promise', () => Promise.resolve('x') as never],
  ]
  for (const [title, stringify] of useless) {
    it(`are refused where the serializer makes ${title} of a value`, () => {
      const serializer = { stringify, parse: JSON.parse }
      const error = thrown(() => encode(serializer, 1, 'a'))
      expect(error).to.include({ code: 'ERR_CACHE_VALUE_INVALID', tenant: 'a' })
    })
  }

  it('are refused with what the serializer has thrown as the cause, and without the value', () => {
    const error = thrown(() => encode(DEFAULT_SERIALIZER, { secret: 'hunter2', id: 1n }, 'a'))
    expect(error.cause).to.be.instanceOf(TypeError)
    expect(error.message).not.to.contain('hunter2')
  })
})

/** A random value that JSON with Keyv's Buffers does not change. */
function generated(next: (limit: number) => number, depth: number): unknown {
  const text = (): string =>
    Array.from({ length: next(12) }, () => LETTERS[next(LETTERS.length)]).join('')
  const kinds = [
    text,
    text,
    () => `:base64:${text()}`,
    () => next(1_000) - 500,
    () => [null, true, false][next(3)],
    () => Buffer.from(text()),
    () => Array.from({ length: next(4) }, () => generated(next, depth - 1)),
    () =>
      Object.fromEntries(
        Array.from({ length: next(4) }, () => [text(), generated(next, depth - 1)]),
      ),
  ]
  return kinds[next(depth > 0 ? kinds.length : 6)]?.()
}
