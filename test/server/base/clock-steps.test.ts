import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { withWallClockBack } from '../../support/clock.ts'
import { onEachServer, rejection, until, withTenants } from '../../support/tenants.ts'
import { withCaches } from '../cache/support/caches.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
const LONG = { ttlMillis: 60_000 }
const SOURCE = new URL('../../../src/', import.meta.url)

/** What other processes read, too, so that it is told by the clock which all of them have. */
const SHARED: readonly string[] = [
  'cache/entry-codec.ts',
  'cache/stores/epoch-store.ts',
  'cache/tenant-cache.ts',
]

describe('when the wall clock steps back', () => {
  it('then nothing in the source has measured a duration with it', () => {
    const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
    const telling = files.filter(
      (file) =>
        file.endsWith('.ts') &&
        /\bDate\.now\b|\bnew Date\(\)/.test(readFileSync(new URL(file, SOURCE), 'utf8')),
    )
    expect(telling.sort()).to.deep.equal(SHARED)
  })

  for (const millis of [HOUR, 40 * DAY]) {
    const by = millis === HOUR ? 'an hour' : '40 days'

    it(`by ${by}, then a store that was away is asked again after a second`, async () => {
      let isAway = true
      const texts = new Map<string, string>()
      const answer = <T>(fn: () => T): T => {
        if (isAway) throw new Error('away')
        return fn()
      }
      const store = {
        get: (key: string) => answer(() => texts.get(key)),
        set: (key: string, text: string) => answer(() => void texts.set(key, text)),
        delete: (key: string) => answer(() => texts.delete(key)),
        clear: () => answer(() => texts.clear()),
      }
      await withCaches({ store }, async (tenantKnex) => {
        const { cache } = tenantKnex('a')
        for (let call = 0; call < 10; call++) await cache.get('k')
        isAway = false
        await withWallClockBack(millis, () => until('it is asked again', () => cache.set('k', 1)))
      })
    })

    it(`by ${by}, then a call that waits for a factory still has its time, and no more`, () =>
      withCaches({ waitMillis: 500 }, async (tenantKnex) => {
        const { cache } = tenantKnex('a')
        let end: (value: number) => void = () => undefined
        let runs = 0
        const slow = () =>
          new Promise<number>((resolve) => {
            runs++
            end = resolve
          })
        const first = cache.remember('k', LONG, slow)
        await until('the factory runs', () => runs === 1)
        await withWallClockBack(millis, async () => {
          const second = cache.remember('k', LONG, slow)
          await sleep(20)
          end(1)
          expect([await first, await second]).to.deep.equal([1, 1])
        })
        const hanging = cache.remember('l', LONG, slow)
        await until('the factory runs', () => runs === 2)
        await withWallClockBack(millis, async () => {
          const { code } = await rejection(cache.remember('l', LONG, slow))
          expect(code).to.equal('ERR_CACHE_FACTORY_TIMEOUT')
        })
        end(2)
        await hanging
      }))

    it(`by ${by}, then an entry in this process ends when its time is up`, () =>
      withCaches({}, async (tenantKnex) => {
        const { cache } = tenantKnex('a')
        await cache.set('k', 1, 50)
        await withWallClockBack(millis, async () => {
          expect(await cache.get('k')).to.equal(1)
          await until('it has ended', async () => (await cache.get('k')) === undefined)
        })
      }))
  }
})

onEachServer('when the wall clock steps back', (server) => {
  it('then destroy() does not wait for longer than it was told', () =>
    withTenants(server, {}, async ({ tenantKnex }) => {
      const trx = await tenantKnex('a').transaction()
      const destroyed = tenantKnex.destroy({ timeoutMillis: 50 })
      await withWallClockBack(HOUR, () => destroyed)
      await rejection(trx('items').select())
    }))
})
