import { expect } from 'chai'
import { fuzz } from '../../lab/request-fuzz/run.ts'

describe('given applications of all frameworks, also nested in each other', () => {
  it('when random requests come without waiting, and clients hang up, then no scope is wrong', async () => {
    let checks = 0
    for await (const outcome of fuzz({ seed: 1, connections: 4 })) {
      checks += outcome.checks
      expect(outcome.wrong, outcome.shape).to.deep.equal([])
    }
    expect(checks).to.be.greaterThan(5_000)
  }).timeout(60_000)
})
