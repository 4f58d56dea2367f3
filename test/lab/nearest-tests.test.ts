import { expect } from 'chai'
import type { Coverage } from '../../lab/mutants/sample/coverage.ts'
import type { GeneratedMutant } from '../../lab/mutants/sample/generate.ts'
import { nearestTests } from '../../lab/mutants/sample/nearest-tests.ts'

const FILE = 'src/pool/lending.ts'

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
  it('are those that run its place and pass without it, the most particular first', () => {
    const coverage = new Map<string, Coverage>([
      ['test/whole.test.ts', { seconds: 1, spans: { [FILE]: [[0, 20]], other: [[0, 80]] } }],
      ['test/half.test.ts', { seconds: 9, spans: { [FILE]: [[0, 20]], other: [[0, 20]] } }],
      ['test/own.test.ts', runs(20, 2)],
      ['test/elsewhere.test.ts', runs(10, 1)],
      ['test/broken.test.ts', runs(20, 1, 'a title')],
      ['test/unrelated.test.ts', { seconds: 1, spans: {} }],
    ])
    expect(nearestTests(mutant, coverage)).to.deep.equal({
      near: { tests: ['test/own.test.ts', 'test/half.test.ts', 'test/whole.test.ts'], seconds: 12 },
      wider: { tests: [], seconds: 0 },
      leftOut: 0,
    })
  })

  it('are tried in two parts, and not all of them', () => {
    const coverage = new Map([
      ['test/first.test.ts', runs(20, 39)],
      ['test/second.test.ts', runs(20, 50)],
      ['test/slow.test.ts', runs(20, 100)],
      ['test/fast.test.ts', runs(20, 5)],
    ])
    expect(nearestTests(mutant, coverage)).to.deep.equal({
      near: { tests: ['test/first.test.ts'], seconds: 39 },
      wider: { tests: ['test/second.test.ts', 'test/fast.test.ts'], seconds: 55 },
      leftOut: 1,
    })
  })

  it('are at least one, however long it takes', () => {
    const coverage = new Map([['test/slowest.test.ts', runs(20, 500)]])
    expect(nearestTests(mutant, coverage).near.tests).to.deep.equal(['test/slowest.test.ts'])
  })
})
