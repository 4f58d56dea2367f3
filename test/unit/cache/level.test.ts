import { expect } from 'chai'
import { levelFor } from '../../../src/cache/stores/level.ts'
import { numbers } from '../../server/cache/support/numbers.ts'

describe('the level that sizes are brought down to', () => {
  it('is the highest at which all together fit', () => {
    const next = numbers(4)
    for (let i = 0; i < 5_000; i++) {
      const sizes = Array.from({ length: next(12) }, () => next(100))
      const target = next(600)
      const level = levelFor(sizes, target)
      const cut = (to: number): number => sizes.reduce((sum, size) => sum + Math.min(size, to), 0)
      expect(cut(level), `${sizes} to ${target}`).to.be.at.most(target + 1e-6)
      const largest = Math.max(0, ...sizes)
      if (level < largest) expect(cut(level + 0.01), `${sizes}`).to.be.above(target)
      else expect(level).to.equal(largest)
    }
  })

  it('takes from the largest only, where that is enough', () => {
    expect(levelFor([10, 100, 20], 80)).to.equal(50)
    expect(levelFor([100, 100, 20], 120)).to.equal(50)
    expect(levelFor([30, 30, 30], 30)).to.equal(10)
    expect(levelFor([5, 5], 10)).to.equal(5)
    expect(levelFor([5, 5], 0)).to.equal(0)
    expect(levelFor([], 10)).to.equal(0)
  })
})
