import { expect } from 'chai'
import type { TenantCache, TenantKnex } from '../../../src/index.ts'
import { withCaches } from '../../server/cache/support/caches.ts'
import { withClockAhead } from '../../support/clock.ts'
import { rejection, until } from '../../support/tenants.ts'

const LONG = { ttlMillis: 60_000 }

/** An adapter that can hold back commands, like a slow one of several connections. */
class HeldAdapter {
  readonly #texts = new Map<string, string>()
  #opened = Promise.resolve()
  #open: () => void = () => undefined
  /** Commands that wait. */
  waiting = 0

  hold(): void {
    this.#opened = new Promise((resolve) => {
      this.#open = resolve
    })
  }

  /** Lets later commands pass. The waiting commands go on waiting. */
  passOthers(): void {
    this.#opened = Promise.resolve()
  }

  release(): void {
    this.#open()
  }

  async get(key: string): Promise<string | undefined> {
    return this.#texts.get(key)
  }

  async set(key: string, text: string): Promise<void> {
    if (key.includes('}:k:')) await this.#wait()
    this.#texts.set(key, text)
  }

  async delete(key: string): Promise<boolean> {
    return this.#texts.delete(key)
  }

  clear(): void {
    this.#texts.clear()
  }

  async #wait(): Promise<void> {
    this.waiting++
    await this.#opened
    this.waiting--
  }
}

describe('given an adapter on which a write is still under way', () => {
  const given = (
    timeoutMillis: number,
    test: (cache: TenantCache, store: HeldAdapter, tenantKnex: TenantKnex) => Promise<void>,
  ) => {
    const store = new HeldAdapter()
    return withCaches({ store, timeoutMillis }, async (tenantKnex) => {
      const { cache } = tenantKnex('a')
      cache.on('error', () => undefined)
      await cache.set('other', 1)
      store.hold()
      await test(cache, store, tenantKnex)
    })
  }

  const writes: [string, (cache: TenantCache) => Promise<unknown>][] = [
    ['set', (cache) => cache.set('k', 'old')],
    ['remember', (cache) => cache.remember('k', LONG, () => 'old')],
  ]
  const forgets: [string, (cache: TenantCache) => Promise<unknown>][] = [
    ['delete', (cache) => cache.delete('k')],
    ['deleteMany', (cache) => cache.deleteMany(['other', 'k'])],
    ['clear', (cache) => cache.clear()],
    ['purge', (cache) => cache.purge()],
  ]
  for (const [write, run] of writes) {
    for (const [title, forget] of forgets) {
      it(`when ${title} has resolved, then what ${write} writes late is not read`, () =>
        given(5_000, async (cache, store) => {
          const written = run(cache)
          await until('it is under way', () => store.waiting === 1)
          store.passOthers()
          const forgotten = forget(cache).then(() => cache.get('k'))
          await cache.get('other')
          store.release()
          await written
          expect(await forgotten).to.equal(undefined)
          expect(await cache.get('k')).to.equal(undefined)
        }))
    }

    it(`when another value is set, then what ${write} writes late does not replace it`, () =>
      given(5_000, async (cache, store) => {
        const written = run(cache)
        await until('it is under way', () => store.waiting === 1)
        store.passOthers()
        const set = cache.set('k', 'new')
        await cache.get('other')
        store.release()
        await written
        expect(await set).to.equal(true)
        expect(await cache.get('k')).to.equal('new')
      }))

    it(`when ${write} was given up, then delete rejects until that has ended`, () =>
      given(50, async (cache, store) => {
        await run(cache)
        expect(store.waiting).to.equal(1)
        store.passOthers()
        expect(await rejection(cache.delete('k'))).to.include({ code: 'ERR_CACHE_UNAVAILABLE' })
        expect(await cache.set('k', 'new')).to.equal(false)
        expect(await cache.delete('other'), 'another key').to.equal(true)
        store.release()
        await until('it has ended', () => store.waiting === 0)
        await cache.delete('k')
        expect(await cache.get('k')).to.equal(undefined)
      }))
  }

  it('when many writes were given up for it, then the store still serves all tenants', () =>
    given(50, async (cache, store, tenantKnex) => {
      await cache.set('k', 'old')
      store.passOthers()
      const writes = Array.from({ length: 10 }, (_, value) => cache.set('k', value))
      expect(new Set(await Promise.all(writes))).to.deep.equal(new Set([false]))
      expect(await cache.get('other')).to.equal(1)
      expect(await tenantKnex('b').cache.set('k', 'b')).to.equal(true)
      store.release()
    }))

  it('when others are given up that had to wait for it, then the store still serves all tenants', () =>
    given(1_000, async (cache, store, tenantKnex) => {
      const keys = ['1', '2', '3', '4', '5', '6']
      const first = keys.map((key) => cache.set(key, 'first'))
      const second = keys.map((key) => cache.set(key, 'second'))
      await until('they are under way', () => store.waiting === keys.length)
      store.release()
      store.hold()
      expect(new Set(await Promise.all(first))).to.deep.equal(new Set([true]))
      expect(new Set(await Promise.all(second))).to.deep.equal(new Set([false]))
      store.passOthers()
      expect(await tenantKnex('b').cache.set('k', 'b')).to.equal(true)
      store.release()
    }))

  it('when it has not ended half a minute after it was given up, then its key is free again', () =>
    given(50, async (cache, store) => {
      await cache.set('k', 'lost')
      store.passOthers()
      await withClockAhead(20_000, async () => {
        expect(await cache.set('k', 'new')).to.equal(false)
      })
      await withClockAhead(30_050, async () => {
        expect(await cache.set('k', 'new')).to.equal(true)
        expect(await cache.get('k')).to.equal('new')
        await cache.delete('k')
        expect(await cache.get('k')).to.equal(undefined)
      })
      store.release()
    }))
})
