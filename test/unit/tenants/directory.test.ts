import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect } from 'chai'
import { heapInUse } from '../../../benchmarks/support/memory.ts'
import { resolveLookupOptions } from '../../../src/base/lookup-options.ts'
import { TenantDirectory } from '../../../src/tenants/directory.ts'
import { thrown } from '../../support/tenants.ts'

const COUNT = 20_000

const lookup = resolveLookupOptions({}, 'lookup.')

describe('a tenant that is made anew when the garbage collector has taken it', () => {
  it('is one object, although the old one is told of only now', async () => {
    const tenants = new TenantDirectory(
      (id) => id,
      lookup,
      () => false,
    )
    const anew = await madeAnew(tenants, 'a')
    expect(tenants.get('a')).to.equal(anew)
  })

  it('has its database for itself, although the old one is told of only now', async () => {
    const tenants = new TenantDirectory(
      () => 'one_for_all',
      lookup,
      () => false,
    )
    const anew = await madeAnew(tenants, 'a')
    expect(thrown(() => tenants.get('b'))).to.include({ code: 'ERR_DATABASE_SHARED' })
    expect(anew.id).to.equal('a')
  })
})

describe('tenants that nobody holds any more', () => {
  it('take no memory', async () => {
    const tenants = new TenantDirectory(
      (id) => id,
      lookup,
      () => false,
    )
    const make = (count: number): void => {
      for (let number = 0; number < count; number++) tenants.get(`t${number}`)
    }
    make(1_000) // what only the first ones cost
    const before = await heapInUse()
    make(COUNT)
    expect((await heapInUse()) - before).to.be.below(20 * COUNT)
  })
})

/** Gets a tenant whose object has been collected, before anybody was told of that; then they are. */
async function madeAnew(
  tenants: TenantDirectory,
  id: string,
): Promise<ReturnType<TenantDirectory['get']>> {
  let isTold = false
  const told = new FinalizationRegistry(() => {
    isTold = true
  })
  const old = weaklyHeld(tenants, id, told)
  await nextTurn() // until then it is kept for those who have asked for it
  globalThis.gc?.()
  expect(isTold).to.equal(false)
  const anew = tenants.get(id)
  expect(old.deref(), 'the old one').to.equal(undefined)
  while (!isTold) await nextTurn()
  await nextTurn()
  return anew
}

function weaklyHeld(
  tenants: TenantDirectory,
  id: string,
  told: FinalizationRegistry<undefined>,
): WeakRef<object> {
  const tenant = tenants.get(id)
  told.register(tenant, undefined)
  return new WeakRef(tenant)
}
