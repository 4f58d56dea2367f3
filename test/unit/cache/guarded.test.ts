import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'chai'
import { withCaches } from '../../server/cache/support/caches.ts'
import { SmallAdapter } from '../../server/cache/support/small-adapter.ts'

/** Many times longer than the adapter takes. */
const TIMEOUT_MILLIS = 300

describe('given a store outside of this process that answers in time', () => {
  it('then nothing is left of the time limits of its calls', () =>
    withCaches({ store: new SmallAdapter(), timeoutMillis: TIMEOUT_MILLIS }, async (tenantKnex) => {
      const { cache } = tenantKnex('a')
      const errors: Error[] = []
      cache.on('error', (error) => errors.push(error))
      await cache.set('k', 'v')
      for (let call = 0; call < 20; call++) expect(await cache.get('k')).to.equal('v')
      await sleep(2 * TIMEOUT_MILLIS)
      expect(await cache.get('k')).to.equal('v')
      expect(errors).to.deep.equal([])
    }))
})
