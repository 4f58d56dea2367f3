import { expect } from 'chai'
import { checkKey, sharedKeys, tenantKeys } from '../../../src/cache/key-space.ts'
import { HOSTILE_IDS } from '../../contract/cache-isolation.ts'
import { numbers } from '../../server/cache/support/numbers.ts'
import { thrown } from '../../support/tenants.ts'

/** Characters with a meaning in an encoding, in a pattern or as a separator. */
const LETTERS = [...'ab:/{}*?[]\\%25F~!()\'"|.-_ +é\u0301\u{1f600}\u0000\n']

describe('the key space of tenants', () => {
  it('is injective: of ids and keys no two pairs have one key', () => {
    const owners = new Map<string, string>()
    const next = numbers(1)
    const text = (): string =>
      Array.from({ length: 1 + next(4) }, () => LETTERS[next(LETTERS.length)]).join('')
    for (let i = 0; i < 10_000; i++) {
      const [id, key] = [text(), text()]
      const full = `${tenantKeys('root', id, id).prefix}k:${key}`
      const owner = JSON.stringify([id, key])
      expect(owners.get(full) ?? owner).to.equal(owner)
      owners.set(full, owner)
    }
    expect(owners.size).to.be.above(7_500)
  })

  it('has no prefix that begins another: what matches one is of nobody else', () => {
    const parts = [...HOSTILE_IDS, 'x'.repeat(255), ' ', '\u0000']
    const tenants = parts.map((id) => tenantKeys('root', id, id).prefix)
    const prefixes = [...tenants, sharedKeys('root').prefix, sharedKeys('root.').prefix]
    for (const one of prefixes) {
      const beginning = prefixes.filter((other) => other.startsWith(one))
      expect(beginning).to.deep.equal([one])
    }
  })

  it('leaves nothing in a prefix that a pattern or a hash tag could be made of', () => {
    const next = numbers(2)
    for (let i = 0; i < 5_000; i++) {
      const id = Array.from({ length: 5 }, () => LETTERS[next(LETTERS.length)]).join('')
      expect(tenantKeys('tenant-knex', id, id).prefix).to.match(
        /^tenant-knex:\{[A-Za-z0-9%._-]+\}:$/,
      )
    }
  })

  it('is the same in every version: what is in a Redis stays readable', () => {
    const { prefix, mark } = tenantKeys('tenant-knex', 'a:b*', 'a:b*')
    expect({ prefix, mark }).to.deep.equal({ prefix: 'tenant-knex:{a%3Ab%2A}:', mark: '5xfhJjvy' })
    expect(sharedKeys('tenant-knex').prefix).to.equal('tenant-knex:{/}:')
  })

  it('marks tenants that were given one prefix', () => {
    const [a, b] = ['a', 'b'].map((id) => tenantKeys('root', id, 'same'))
    expect(a?.prefix).to.equal(b?.prefix)
    expect(a?.mark).not.to.equal(b?.mark)
    expect(sharedKeys('root').mark).not.to.be.oneOf([a?.mark, b?.mark])
  })

  it('cannot be changed once it was given', () => {
    const owner = tenantKeys('root', 'a', 'a')
    expect(() => Object.assign(owner, { prefix: 'root:{b}:' })).to.throw(TypeError)
    expect(() => Object.assign(sharedKeys('root'), { prefix: '' })).to.throw(TypeError)
  })

  it('tells in the error what is wrong with a prefix, whose it is, and what to correct', () => {
    const error = thrown(() => tenantKeys('root', 'a', ''))
    expect(error).to.include({ code: 'ERR_CACHE_PREFIX_INVALID', tenant: 'a' })
    expect(error.message)
      .to.match(/tenant "a".*it is empty/)
      .and.contain('Correct the `cache.prefix` function.')
  })

  it('tells in the error what is wrong with a key, and not the key', () => {
    const secret = 'token-of-somebody'
    const error = thrown(() => checkKey(`${secret}\ud800`, 'a'))
    expect(error).to.include({ code: 'ERR_CACHE_KEY_INVALID', tenant: 'a' })
    expect(error.message)
      .to.match(/lone surrogate/)
      .and.not.contain(secret)
  })
})
