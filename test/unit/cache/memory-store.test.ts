import { expect } from 'chai'
import { tenantKeys } from '../../../src/cache/key-space.ts'
import { type MemoryLimits, MemoryStore } from '../../../src/cache/stores/memory-store.ts'
import { bytesOf } from '../../../src/cache/stores/tenant-entries.ts'
import type { NewEntry, TenantStore } from '../../../src/cache/tenant-store.ts'
import { numbers } from '../../server/cache/support/numbers.ts'

/** A tenant's part of the store. It is in this process, so no method returns a promise. */
type MemoryTenant = {
  [Method in keyof TenantStore]: TenantStore[Method] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Exclude<Result, Promise<unknown>>
    : never
}

const LIMITS: MemoryLimits = { maxItemsPerTenant: 10, maxBytesPerTenant: 10_000, maxBytes: 20_000 }

describe('the store in this process', () => {
  it('keeps so many entries of a tenant at most', () => {
    const { open, store } = stored()
    const a = open('a')
    for (let i = 0; i < 15; i++) expect(a.set([entry(`k${i}`)])).to.deep.equal([true])
    expect(store.stats()).to.include({ items: 10, evictions: 5 })
    expect(held(a, 'k4', 'k5', 'k14')).to.deep.equal([false, true, true])
  })

  it('keeps so many bytes of a tenant at most', () => {
    const { open, store } = stored()
    const a = open('a')
    for (let i = 0; i < 5; i++) a.set([entry(`k${i}`, 1_500)])
    expect(store.stats().items).to.equal(3)
    expect(store.stats().bytes).to.equal(3 * bytesOf(entry('k0', 1_500)))
  })

  it('takes a new entry though all that are there were read meanwhile', () => {
    const { open } = stored()
    const a = open('a')
    for (let round = 0; round < 30; round++) {
      expect(a.set([entry(`k${round}`)])).to.deep.equal([true])
      for (let i = 0; i <= round; i++) a.get(`k${i}`)
      expect(held(a, `k${round}`), `k${round}`).to.deep.equal([true])
    }
  })

  it('spares others: who takes most gives first', () => {
    const { open, store } = stored({ maxItemsPerTenant: 1_000, maxBytesPerTenant: 20_000 })
    const small = ['b', 'c', 'd'].map(open)
    for (const one of small) one.set([entry('k', 500), entry('l', 500)])
    const noisy = open('noisy')
    for (let i = 0; i < 1_000; i++) noisy.set([entry(`k${i}`, 400)])
    for (const one of small) expect(held(one, 'k', 'l')).to.deep.equal([true, true])
    expect(held(noisy, 'k999', 'k0')).to.deep.equal([true, false])
    expect(store.stats().bytes).to.be.at.most(20_000)
  })

  it('lets a tenant that is alone have all there is, and takes it back for others', () => {
    const { open, store } = stored({ maxItemsPerTenant: 1_000, maxBytesPerTenant: 20_000 })
    const first = open('first')
    for (let i = 0; i < 100; i++) first.set([entry(`k${i}`, 400)])
    expect(store.stats().bytes).to.be.above(17_000)
    const others = Array.from({ length: 5 }, (_, i) => open(`t${i}`))
    for (const one of others) one.set([entry('k', 400), entry('l', 400)])
    for (const one of others) expect(held(one, 'k', 'l')).to.deep.equal([true, true])
    expect(store.stats().bytes).to.be.at.most(20_000)
  })

  const tooLarge: [string, Partial<MemoryLimits>, number][] = [
    ['a tenant', {}, 5_000],
    ['the process', { maxBytesPerTenant: 1_000_000 }, 9_600],
  ]
  for (const [whose, limits, letters] of tooLarge) {
    it(`does not keep an entry that is larger than all of ${whose}, and evicts nothing for it`, () => {
      const { open, store } = stored(limits)
      const a = open('a')
      open('b').set([entry('k', 500)])
      a.set([entry('k'), entry('l')])
      expect(a.set([entry('k', letters)])).to.deep.equal([false])
      // The old value is gone, because it is not the value that was set last.
      expect(held(a, 'k', 'l')).to.deep.equal([false, true])
      expect(held(open('b'), 'k')).to.deep.equal([true])
      expect(store.stats()).to.include({ items: 2, evictions: 0 })
      open('c').set([entry('k', letters)])
      expect(store.stats()).to.include({ tenants: 2, items: 2 })
    })
  }

  it('counts what is overwritten once', () => {
    const { open, store } = stored()
    const a = open('a')
    for (let i = 1; i < 50; i++) a.set([entry('k', i * 10)])
    expect(store.stats()).to.deep.equal({
      ...{ tenants: 1, items: 1, evictions: 0 },
      bytes: bytesOf(entry('k', 490)),
    })
  })

  it('has nothing of a tenant after clear(), and all of the others', () => {
    const { open, store } = stored()
    open('a').set([entry('k', 500), entry('l', 500)])
    open('b').set([entry('k')])
    open('a').clear()
    expect(held(open('a'), 'k', 'l')).to.deep.equal([false, false])
    expect(store.stats()).to.deep.equal({
      ...{ tenants: 1, items: 1, evictions: 0 },
      bytes: bytesOf(entry('k')),
    })
  })

  it('has nothing left of a tenant whose last entry was deleted', () => {
    const { open, store } = stored()
    open('a').set([entry('k')])
    expect(open('a').delete(['k', 'none'])).to.deep.equal([true, false])
    expect(store.stats()).to.include({ tenants: 0, items: 0, bytes: 0 })
  })

  it('keeps tenants apart that were given one prefix', () => {
    const { store } = stored()
    const [a, b] = ['a', 'b'].map(
      (id) => store.open(tenantKeys('root', id, 'same')) as MemoryTenant,
    )
    a?.set([entry('k')])
    expect(b?.get('k')).to.equal(undefined)
    b?.clear()
    expect(a?.get('k')).to.include({ text: 'x'.repeat(10) })
  })

  it('forgets tenants that were asked for and never had anything', () => {
    const { open, store } = stored()
    open('first').set([entry('k')])
    for (let i = 0; i < 50_000; i++) open(`t${i}`).begin('k')
    expect(store.stats().tenants).to.be.at.most(1_001)
    expect(held(open('first'), 'k')).to.deep.equal([true])
  })

  it('does not keep what was begun before a clear()', () => {
    const { open } = stored()
    const { epoch } = open('a').begin('k')
    open('a').clear()
    expect(open('a').set([entry('k')], { epoch: epoch, isCurrent: true })).to.deep.equal([false])
    open('a').set([entry('l')])
    expect(open('a').set([entry('k')], { epoch: epoch, isCurrent: true })).to.deep.equal([false])
    expect(held(open('a'), 'k', 'l')).to.deep.equal([false, true])
  })

  it('keeps its account and its limits, whatever is done', () => {
    const limits = { maxItemsPerTenant: 8, maxBytesPerTenant: 4_000, maxBytes: 9_000 }
    const { open, store } = stored(limits)
    const next = numbers(6)
    const ids = ['a', 'b', 'c', 'd', 'e']
    const keys = Array.from({ length: 20 }, (_, i) => `k${i}`)
    for (let i = 0; i < 5_000; i++) {
      const tenant = open(ids[next(5)] as string)
      const key = keys[next(20)] as string
      const action = next(20)
      if (action === 0) tenant.clear()
      else if (action < 4) tenant.delete([key])
      else if (action < 8) tenant.get(key)
      else tenant.set([entry(key, next(1_000))])
      const sizes = ids.map((id) => bytesHeld(open(id), keys))
      const { bytes, items } = store.stats()
      expect(bytes).to.equal(sizes.reduce((sum, size) => sum + size.bytes, 0))
      expect(items).to.equal(sizes.reduce((sum, size) => sum + size.items, 0))
      expect(bytes).to.be.at.most(limits.maxBytes)
      expect(Math.max(...sizes.map((size) => size.items))).to.be.at.most(8)
      expect(Math.max(...sizes.map((size) => size.bytes))).to.be.at.most(4_000)
    }
  })
})

function stored(limits: Partial<MemoryLimits> = {}): {
  store: MemoryStore
  open: (id: string) => MemoryTenant
} {
  const store = new MemoryStore({ ...LIMITS, ...limits })
  return { store, open: (id) => store.open(tenantKeys('root', id, id)) as MemoryTenant }
}

function entry(key: string, letters = 10): NewEntry {
  const keepMillis = 60_000
  return { key, text: 'x'.repeat(letters), expires: Date.now() + keepMillis, keepMillis }
}

function held(tenant: MemoryTenant, ...keys: string[]): boolean[] {
  const entries = tenant.getMany(keys)
  return entries.map((one) => one !== undefined)
}

function bytesHeld(tenant: MemoryTenant, keys: string[]): { items: number; bytes: number } {
  const entries = tenant.getMany(keys)
  const found = entries.flatMap((one, i) => (one ? [{ ...one, key: keys[i] as string }] : []))
  const bytes = found.reduce((sum, one) => sum + bytesOf({ ...one, keepMillis: 0 }), 0)
  return { items: found.length, bytes }
}
