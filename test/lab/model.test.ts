import { expect } from 'chai'
import { exploreAll, exploreAtRandom } from '../../lab/model/explore.ts'
import { SMALL, VARIANTS } from '../../lab/model/limits.ts'

describe('every way that things can go, in a small world', function () {
  this.timeout(120_000)

  for (const [title, limits] of Object.entries(SMALL)) {
    it(`breaks no invariant: ${title}`, async () => {
      const { isComplete, states } = await exploreAll(limits)
      expect(isComplete).to.equal(true)
      expect(states).to.be.greaterThan(100)
    })
  }
})

describe('random ways that things can go, in a larger world', function () {
  this.timeout(120_000)

  VARIANTS.forEach((limits, index) => {
    it(`break no invariant, seed ${index + 1}`, async () => {
      const { steps } = await exploreAtRandom(limits, 3_000, index + 1)
      expect(steps).to.be.at.least(3_000)
    })
  })
})
