import { expect } from 'chai'
import { isTransactionEnd, refusalOf } from '../../src/connection/statement-text.ts'

describe('the text of a statement', () => {
  const refused = [
    'USE other',
    'use other',
    '  \n\t use `other`',
    ';use other',
    '/* comment */ USE other',
    '/* a */ /* b */\nUSE other',
    '-- comment\nUSE other',
    '# comment\nuse other',
    '/*! USE other */',
    '/*!50000 USE other */',
    '/*M!100100 use other */',
    'SET session_track_schema = OFF',
    'set @@SESSION_TRACK_SCHEMA=0',
  ]
  for (const sql of refused) {
    it(`is refused: ${JSON.stringify(sql)}`, () => expect(refusalOf(sql)).to.be.a('string'))
  }

  const passed = [
    'SELECT 1',
    'select * from users',
    'user',
    '`use`',
    'select "USE other"',
    'create table session_tracks (id int)',
    '/* USE other */ select 1',
    '-- USE other\nselect 1',
    'update t set used = 1',
    '',
  ]
  for (const sql of passed) {
    it(`passes: ${JSON.stringify(sql)}`, () => expect(refusalOf(sql)).to.equal(undefined))
  }

  it('is looked at together with names that are put into it', () => {
    expect(refusalOf('SET SESSION ?? = OFF', ['session_track_schema'])).to.be.a('string')
    expect(refusalOf('INSERT INTO notes VALUES (?)', ['session_track_schema'])).to.equal(undefined)
  })

  it('is looked at without backtracking, however long it is', () => {
    for (const sql of ['/*', ' ', '-', '#', ';', '--\n']) {
      expect(refusalOf(sql.repeat(200_000))).to.equal(undefined)
    }
  })

  it('ends a transaction only where it says nothing else', () => {
    for (const sql of ['COMMIT', 'COMMIT;', ' rollback ', 'ROLLBACK TO SAVEPOINT trx2']) {
      expect(isTransactionEnd(sql), sql).to.equal(true)
    }
    for (const sql of ['ROLLBACK; DELETE FROM t', 'COMMIT; SELECT 1', 'SELECT 1', undefined]) {
      expect(isTransactionEnd(sql), sql).to.equal(false)
    }
  })
})
