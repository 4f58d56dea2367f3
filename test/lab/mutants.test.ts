import { existsSync, readFileSync } from 'node:fs'
import { expect } from 'chai'
import { MUTANTS } from '../../lab/mutants/list.ts'
import { applyMutant } from '../../lab/mutants/mutant.ts'
import { areUnitTests } from '../../lab/mutants/test-files.ts'

const QUICK = MUTANTS.filter(({ isQuick }) => isQuick)

const ROOT = new URL('../../', import.meta.url)

describe('the deliberate defects', () => {
  it('apply to the source as it is, each in one place, and have names of their own', () => {
    for (const mutant of MUTANTS) {
      const source = readFileSync(new URL(mutant.file, ROOT), 'utf8')
      expect(applyMutant(mutant, source)).not.to.equal(source)
      for (const test of mutant.tests) expect(existsSync(new URL(test, ROOT)), test).to.equal(true)
    }
    const names = MUTANTS.map(({ name }) => name)
    expect(new Set(names).size).to.equal(names.length)
  })

  it('are quick only if their tests need no database', () => {
    expect(QUICK.filter(({ tests }) => !areUnitTests(tests))).to.deep.equal([])
  })
})
