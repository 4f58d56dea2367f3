import { expect } from 'chai'
import { Claims } from '../../../src/testing/claims.ts'

function claims(): Claims {
  const claims = new Claims(10)
  for (const operation of [1, 2, 3, 4, 5]) claims.begin(operation, operation % 2)
  return claims
}

describe('the claims of operations', () => {
  it('know whose an operation is, and which has begun', () => {
    expect([0, 1, 2, 5, 6].map((operation) => claims().tenantOf(operation))).to.deep.equal([
      undefined,
      1,
      0,
      1,
      undefined,
    ])
    expect(claims().last).to.equal(5)
  })

  it('say what must be found', () => {
    const given = claims()
    for (const operation of [2, 3, 4, 5]) given.open(operation, operation)
    given.acknowledge(2)
    given.deny(3)
    given.doubt(4)
    const expected = [1, 2, 3, 4, 5].map((operation) => given.expected(operation))
    expect(expected).to.deep.equal(['none', 'all', 'none', 'all or none', 'all or none'])
    expect(given.parts(4)).to.equal(4)
    expect(given.count()).to.deep.equal({ acknowledged: 1, denied: 1, doubted: 2 })
  })

  it('forgive what was lost with a database, and nothing that came after or is undone', () => {
    const given = claims()
    for (const operation of [1, 2, 3]) given.acknowledge(operation)
    given.deny(5)
    given.lose(1)
    given.begin(7, 1)
    given.acknowledge(7)
    const expected = [1, 2, 3, 5, 7].map((operation) => given.expected(operation))
    expect(expected).to.deep.equal(['all or none', 'all', 'all or none', 'none', 'all'])
  })
})
