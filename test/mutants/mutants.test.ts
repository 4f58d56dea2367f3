import { existsSync, readFileSync } from 'node:fs'
import { expect } from 'chai'
import { Reaper } from '../support/servers.ts'
import { MUTANTS } from './list.ts'
import { applyMutant } from './mutant.ts'
import { runTests } from './run-tests.ts'
import { areUnitTests } from './test-files.ts'
import { Workspace } from './workspace.ts'

/** The rest is for `npm run mutants`. */
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

  it('are tried in CI only where their tests need no database', () => {
    expect(QUICK.filter(({ tests }) => !areUnitTests(tests))).to.deep.equal([])
  })

  describe('that CI tries', () => {
    let reaper: Reaper
    let workspace: Workspace
    before(() => {
      reaper = new Reaper()
      workspace = new Workspace(reaper)
    })
    after(() => reaper.end())

    for (const mutant of QUICK) {
      it(`are caught: ${mutant.name}`, async () => {
        const { failure } = await workspace.withMutant(mutant, () =>
          runTests(reaper, workspace, mutant.tests),
        )
        expect(failure, 'the test that failed').not.to.equal(undefined)
      })
    }
  })
})
