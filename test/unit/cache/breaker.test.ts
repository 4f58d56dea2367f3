import { expect } from 'chai'
import { Breaker } from '../../../src/cache/stores/breaker.ts'

describe('the breaker of a store', () => {
  it('lets calls through until five in a row have failed', () => {
    const breaker = new Breaker()
    for (let failure = 0; failure < 4; failure++) breaker.fail(0)
    expect(breaker.admit(0)).to.equal(true)
    breaker.fail(0)
    expect(breaker.admit(0)).to.equal(false)
    expect(breaker.isOpen(999)).to.equal(true)
  })

  it('begins to count again after a success', () => {
    const breaker = new Breaker()
    for (let failure = 0; failure < 4; failure++) breaker.fail(0)
    breaker.succeed()
    for (let failure = 0; failure < 4; failure++) breaker.fail(0)
    expect(breaker.admit(0)).to.equal(true)
  })

  it('lets one call try after a second, and the others wait for it', () => {
    const breaker = opened(0)
    expect(breaker.admit(999)).to.equal(false)
    expect(breaker.admit(1_000)).to.equal(true)
    expect(breaker.admit(1_000)).to.equal(false)
    expect(breaker.admit(1_999)).to.equal(false)
  })

  it('is closed where that call succeeds', () => {
    const breaker = opened(0)
    breaker.admit(1_000)
    breaker.succeed()
    expect([breaker.admit(1_001), breaker.admit(1_001)]).to.deep.equal([true, true])
  })

  it('waits for another second where it fails, from the failure on', () => {
    const breaker = opened(0)
    breaker.admit(1_000)
    breaker.fail(1_100)
    expect(breaker.admit(2_099)).to.equal(false)
    expect(breaker.admit(2_100)).to.equal(true)
  })

  it('lets another one try where nothing was heard of that call', () => {
    const breaker = opened(0)
    breaker.admit(1_000)
    expect(breaker.admit(2_000)).to.equal(true)
  })
})

function opened(now: number): Breaker {
  const breaker = new Breaker()
  for (let failure = 0; failure < 5; failure++) breaker.fail(now)
  return breaker
}
