import { expect } from 'chai'
import { bytesOf, TenantEntries } from '../../../src/cache/stores/tenant-entries.ts'
import type { NewEntry } from '../../../src/cache/tenant-store.ts'
import { numbers } from '../../server/cache/support/numbers.ts'

describe("one tenant's entries in this process", () => {
  it('make room in the order in which they came', () => {
    const entries = filled('a', 'b', 'c')
    expect(entries.shrink(1, Number.POSITIVE_INFINITY)).to.equal(2)
    expect(keysOf(entries)).to.deep.equal(['c'])
  })

  it('give what was read a second chance, once', () => {
    const entries = filled('a', 'b', 'c')
    entries.get('a', 0)
    entries.shrink(2, Number.POSITIVE_INFINITY)
    expect(keysOf(entries)).to.deep.equal(['c', 'a'])
    entries.shrink(1, Number.POSITIVE_INFINITY)
    expect(keysOf(entries)).to.deep.equal(['a'])
    entries.set(entry('d'), 0)
    entries.shrink(1, Number.POSITIVE_INFINITY)
    expect(keysOf(entries)).to.deep.equal(['d'])
  })

  it('make room where all were read', () => {
    const entries = filled('a', 'b', 'c')
    for (const key of ['a', 'b', 'c']) entries.get(key, 0)
    expect(entries.shrink(1, Number.POSITIVE_INFINITY)).to.equal(2)
    expect(entries.size).to.equal(1)
  })

  it('make room for bytes', () => {
    const entries = filled('a', 'b', 'c')
    const each = bytesOf(entry('a'))
    expect(entries.bytes).to.equal(3 * each)
    entries.shrink(10, 2 * each)
    expect(entries.bytes).to.equal(2 * each)
    entries.shrink(10, 0)
    expect([entries.size, entries.bytes]).to.deep.equal([0, 0])
  })

  it('are not there once their time is up, to the millisecond', () => {
    const entries = new TenantEntries()
    entries.set({ ...entry('a'), keepMillis: 10 }, 100)
    expect(entries.get('a', 109)).to.include({ text: 'text' })
    expect(entries.get('a', 110)).to.equal(undefined)
    expect(entries.all(110)).to.deep.equal([])
    expect(entries.delete('a', 110)).to.equal(false)
    expect([entries.size, entries.bytes]).to.deep.equal([0, 0])
  })

  it('keep account of bytes whatever is done', () => {
    const next = numbers(5)
    const entries = new TenantEntries()
    for (let i = 0; i < 20_000; i++) {
      const key = `k${next(20)}`
      const action = next(5)
      if (action === 0) entries.delete(key, 0)
      else if (action === 1) entries.shrink(next(20), next(10_000))
      else entries.set(entry(key, 'x'.repeat(next(200))), 0)
      const all = entries.all(0)
      const bytes = all.reduce((sum, one) => sum + bytesOf({ ...one, keepMillis: 0 }), 0)
      expect([entries.size, entries.bytes]).to.deep.equal([all.length, bytes])
    }
  })
})

function entry(key: string, text = 'text'): NewEntry {
  return { key, text, expires: 1_000, keepMillis: 1_000 }
}

function filled(...keys: string[]): TenantEntries {
  const entries = new TenantEntries()
  for (const key of keys) entries.set(entry(key), 0)
  return entries
}

function keysOf(entries: TenantEntries): string[] {
  return entries.all(0).map(({ key }) => key)
}
