import { expect } from 'chai'
import type { TenantCache } from '../../src/index.ts'
import { rejection, until } from '../support/tenants.ts'
import { withCaches } from './support/caches.ts'

const LONG = { ttl: 60_000 }

/** An adapter whose commands for entries can be held up, as by a slow one of several connections. */
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

  /** Lets those that are to come pass, while those that wait go on waiting. */
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
    test: (cache: TenantCache, store: HeldAdapter) => Promise<void>,
  ) => {
    const store = new HeldAdapter()
    return withCaches({ store, timeoutMillis }, async (tenantKnex) => {
      const { cache } = tenantKnex('a')
      cache.on('error', () => undefined)
      await cache.set('other', 1)
      store.hold()
      await test(cache, store)
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
})
