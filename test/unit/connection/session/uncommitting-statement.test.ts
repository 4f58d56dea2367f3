import { expect } from 'chai'
import { cannotCommit } from '../../../../src/connection/session/uncommitting-statement.ts'

describe('given a statement that may commit', () => {
  const can = ['CREATE TABLE copies SELECT 1', 'CALL p(/* select */)', 'COMMIT', 'SELECT 1; COMMIT']
  for (const sql of can) {
    it(`when it is "${sql}", then nobody says that it cannot`, () => {
      expect(cannotCommit(sql, [])).to.equal(false)
    })
  }

  for (const sql of ['select ?', '((SELECT 1) UNION (SELECT 2))', 'insert into a values (?)']) {
    it(`when it is "${sql}", then it cannot`, () => {
      expect(cannotCommit(sql, [1])).to.equal(true)
    })
  }

  it('when a value may become any text, then nobody says that it cannot', () => {
    expect(cannotCommit('select ?', [{ toSqlString: () => '1; COMMIT' }])).to.equal(false)
  })
})
