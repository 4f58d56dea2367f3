import { expect } from 'chai'
import { checkDatabaseName, checkTenantId, defaultDatabase } from '../../../src/tenants/names.ts'
import { thrown } from '../../support/tenants.ts'

describe('tenant ids', () => {
  const invalid: [string, unknown, RegExp][] = [
    ['a number', 7, /expected a string, got number; use String\(id\)/],
    ['a bigint', 7n, /use String\(id\)/],
    ['null', null, /got null/],
    ['undefined', undefined, /got undefined/],
    ['an array', ['a'], /got an array/],
    ['an object', { id: 'a' }, /got object/],
    ['an empty string', '', /empty/],
    ['129 characters', 'a'.repeat(129), /129 characters, at most 128/],
    ['a lone surrogate', 'a\ud800', /lone surrogate/],
    ['NUL', 'a\0b', /control character/],
    ['a line feed', 'a\nb', /control character/],
    ['a C1 control', 'a\u0085', /control character/],
  ]
  for (const [title, id, message] of invalid) {
    it(`refuses ${title}`, () => {
      const error = thrown(() => checkTenantId(id))
      expect(error.code).to.equal('ERR_TENANT_ID_INVALID')
      expect(error.message).to.match(message)
    })
  }

  it('are shown with what is wrong and what to do, cut where they are long', () => {
    expect(thrown(() => checkTenantId(7)).message).to.equal(
      'Invalid tenant id: expected a string, got number; use String(id).',
    )
    expect(thrown(() => checkTenantId(null)).message).to.equal(
      'Invalid tenant id: expected a string, got null.',
    )
    const error = thrown(() => checkTenantId(`${'a'.repeat(128)}b`))
    expect(error).to.include({ outcome: 'not-sent', tenant: 'a'.repeat(128) })
    expect(error.message).to.equal(
      `Invalid tenant id "${'a'.repeat(128)}": it has 129 characters, at most 128 are allowed.`,
    )
  })

  it('accepts any other string of 1 to 128 characters', () => {
    for (const id of ['a', 'Zoë', '__proto__', 'a.b/c', '日本', '😀', 'a'.repeat(128)]) {
      expect(() => checkTenantId(id)).not.to.throw()
    }
  })
})

describe('the default mapping', () => {
  it('puts the id into the name', () => {
    expect(defaultDatabase('acme')).to.equal('tenant_acme')
    expect(defaultDatabase('a-1_b')).to.equal('tenant_a-1_b')
    expect(defaultDatabase('7')).to.equal('tenant_7')
  })

  for (const id of [
    'Acme',
    'ACME',
    'zoë',
    'a`b',
    '__proto__',
    '-a',
    'a-',
    '_a',
    'a.b',
    'a b',
    'a/b',
  ]) {
    it(`refuses ${JSON.stringify(id)}, with a hint at the database option`, () => {
      const error = thrown(() => defaultDatabase(id))
      expect(error.code).to.equal('ERR_TENANT_ID_INVALID')
      expect(error.message).to.contain('`database`')
      expect(error.tenant).to.equal(id)
    })
  }
})

describe('the default mapping’s refusal', () => {
  it('says what is accepted', () => {
    expect(thrown(() => defaultDatabase('A')).message).to.equal(
      'Invalid tenant id "A": the default mapping accepts lower-case letters, digits, and inner ' +
        '"-" and "_" only. Pass your own `database` function to use other ids.',
    )
  })
})

describe('database names', () => {
  const invalid: [string, unknown, RegExp][] = [
    ['65 characters', 'a'.repeat(65), /65 characters, at most 64/],
    ['an empty name', '', /empty/],
    ['upper case', 'Acme', /upper case/],
    ['a reserved name', 'mysql', /reserved/],
    ['information_schema', 'information_schema', /reserved/],
    ['performance_schema', 'performance_schema', /reserved/],
    ['ndbinfo', 'ndbinfo', /reserved/],
    ['sys', 'sys', /reserved/],
    ['a backtick', 'a`b', /backtick/],
    ['a dot', 'a.b', /dot/],
    ['a slash', 'a/b', /slash/],
    ['a backslash', 'a\\b', /backslash/],
    ['NUL', 'a\0b', /printable ASCII/],
    ['an emoji', 'a😀', /printable ASCII/],
    ['a leading space', ' a', /space/],
    ['a trailing space', 'a ', /space/],
    ['undefined', undefined, /expected a string, got undefined/],
    ['a promise', Promise.resolve('a'), /expected a string, got object/],
  ]
  for (const [title, name, message] of invalid) {
    it(`refuses ${title}`, () => {
      const error = thrown(() => checkDatabaseName(name, 'acme'))
      expect(error.code).to.equal('ERR_DATABASE_NAME_INVALID')
      expect(error).to.include({ tenant: 'acme', outcome: 'not-sent' })
      expect(error.message).to.match(message)
      expect(error.message).to.match(/^The database of tenant "acme" cannot be used: /)
      expect(error.message).to.match(/\. Correct the `database` function\.$/)
    })
  }

  it('accepts what every server takes', () => {
    for (const name of ['a', 'tenant_acme', 'tenant-1', 'a$b', 'a b', '7', 'a'.repeat(64)]) {
      expect(() => checkDatabaseName(name, 'acme')).not.to.throw()
    }
  })
})
