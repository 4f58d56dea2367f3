import { expect } from 'chai'
import type { Coverage } from './coverage.ts'
import type { GeneratedMutant } from './generate.ts'
import { nearestTests } from './nearest-tests.ts'

const FILE = 'src/pool/gate-pool.ts'

const mutant: GeneratedMutant = {
  file: FILE,
  start: 10,
  end: 12,
  changed: 'ab',
  replacement: 'ba',
  lineNumber: 1,
  line: 'ab',
}

/** A test file that takes so long, and runs the source from its begin to this offset. */
const runs = (end: number, seconds: number, failing?: string): Coverage => ({
  seconds,
  failing,
  spans: { [FILE]: [[0, end]] },
})

describe('the tests that are to catch a mutant of the sample', () => {
  it('are those that run its place and pass without it, the nearest by name first', () => {
    const coverage = new Map([
      ['test/tenant-knex.test.ts', runs(20, 1)],
      ['test/pool/waiters.test.ts', runs(20, 2)],
      ['test/pool/gate-pool.test.ts', runs(20, 9)],
      ['test/pool/elsewhere.test.ts', runs(10, 1)],
      ['test/pool/broken.test.ts', runs(20, 1, 'a title')],
      ['test/cache/unrelated.test.ts', { seconds: 1, spans: {} }],
    ])
    expect(nearestTests(mutant, coverage)).to.deep.equal({
      near: [
        'test/pool/gate-pool.test.ts',
        'test/pool/waiters.test.ts',
        'test/tenant-knex.test.ts',
      ],
      wider: [],
      leftOut: 0,
    })
  })

  it('are tried in two parts, the fastest of the rest in the second, and not all of them', () => {
    const coverage = new Map([
      ['test/pool/gate-pool.test.ts', runs(20, 19)],
      ['test/slow.test.ts', runs(20, 50)],
      ['test/fast.test.ts', runs(20, 5)],
      ['test/slowest.test.ts', runs(20, 100)],
    ])
    expect(nearestTests(mutant, coverage)).to.deep.equal({
      near: ['test/pool/gate-pool.test.ts'],
      wider: ['test/fast.test.ts', 'test/slow.test.ts'],
      leftOut: 1,
    })
  })

  it('are at least one, however long it takes', () => {
    const coverage = new Map([['test/slowest.test.ts', runs(20, 500)]])
    expect(nearestTests(mutant, coverage).near).to.deep.equal(['test/slowest.test.ts'])
  })
})
