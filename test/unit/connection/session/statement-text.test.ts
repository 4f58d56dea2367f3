import { expect } from 'chai'
import mysql from 'mysql2'
import {
  isRollback,
  isTransactionEnd,
  refusalOf,
} from '../../../../src/connection/session/statement-text.ts'

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
    '/*!use other */',
    '/*!50000   use other */',
    'SET session_track_schema = OFF',
    'set @@SESSION_TRACK_SCHEMA=0',
    'SET séssion_track_schema = OFF',
    'SET `SESSıON_träck_schema ` = OFF',
  ]
  for (const sql of refused) {
    it(`is refused, and says why: ${JSON.stringify(sql)}`, () => {
      const why = /^set/i.test(sql) ? 'session tracking' : 'USE would leave'
      expect(refusalOf(sql)).to.contain(why)
    })
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
    '--',
    '-- comment',
    '# comment',
  ]
  for (const sql of passed) {
    it(`passes: ${JSON.stringify(sql)}`, () => expect(refusalOf(sql)).to.equal(undefined))
  }

  const raw = mysql.raw('session_track_schema = 0')
  const mentioning: [string, string, unknown][] = [
    ['a name', 'SET SESSION ?? = OFF', ['session_track_schema']],
    ['a name after others', 'SET ?? = ?, ?? = 0', ['a', 1, 'session_track_schema']],
    ['a name in a list', 'SET SESSION ?? = OFF', [['session_track_schema']]],
    ['a name in a list of lists', 'SET SESSION ?? = OFF', [[['session_track_schema']]]],
    ['a name that is the only value', 'SET SESSION ?? = OFF', 'session_track_schema'],
    ['what gives a name', '?? = 0', [{ toString: () => 'session_track_schema' }]],
    ['a name in a named placeholder', 'SET ::x = 0', { x: 'session_track_schema' }],
    ['a key', 'SET ?', [{ session_track_schema: 0 }]],
    ['a key after others', 'SET ?', [{ '@a': 1, SESSION_TRACK_SCHEMA: 0 }]],
    ['a key that is the only value', 'SET ?', { session_track_schema: 0 }],
    ['a key of a Map', 'SET ?', [new Map([['session_track_schema', 0]])]],
    ['a key in a named placeholder', 'SET :x', { x: { session_track_schema: 0 } }],
    ['raw SQL', 'SET ?', [raw]],
    ['raw SQL that is the only value', 'SET ?', raw],
    ['raw SQL in a list', 'SET ?', [1, [raw]]],
    ['raw SQL in a named placeholder', 'SET :x', { x: raw }],
  ]
  for (const [title, sql, values] of mentioning) {
    it(`is refused for what is put into it: ${title}`, () =>
      expect(refusalOf(sql, values)).to.contain('session tracking'))
  }

  it('is not refused for a value that is quoted or sent apart', () => {
    const text = 'session_track_schema'
    const noPrototype = Object.assign(Object.create(null), { a: Object.create(null) })
    for (const value of [text, [text], Buffer.from(text), new Date(0), 1, null, noPrototype]) {
      expect(refusalOf('INSERT INTO notes VALUES (?)', [value])).to.equal(undefined)
    }
    for (const values of [text, null, undefined]) {
      expect(refusalOf('INSERT INTO notes VALUES (?)', values)).to.equal(undefined)
    }
    expect(refusalOf('SELECT ??', ['name', { a: 1 }, undefined])).to.equal(undefined)
  })

  it('is looked at without backtracking, however long it is', () => {
    for (const sql of ['/*', ' ', '-', '#', ';', '--\n']) {
      expect(refusalOf(sql.repeat(200_000))).to.equal(undefined)
    }
  })

  it('ends a transaction only where it says nothing else', () => {
    for (const sql of [
      'COMMIT',
      'COMMIT;',
      'commit ; ',
      '  rollback ',
      'ROLLBACK TO SAVEPOINT trx2',
      'rollback  to  savepoint  trx2',
    ]) {
      expect(isTransactionEnd(sql), sql).to.equal(true)
    }
    for (const sql of [
      'ROLLBACK; DELETE FROM t',
      'COMMIT; SELECT 1',
      'COMMIT;SELECT(1)',
      'DELETE FROM t; COMMIT',
      'COMMITTED',
      'SELECT 1',
      undefined,
    ]) {
      expect(isTransactionEnd(sql), sql).to.equal(false)
    }
  })

  it('is not looked through for the end of a transaction where it is long', () => {
    expect(isTransactionEnd('COMMIT'.padEnd(99))).to.equal(true)
    expect(isTransactionEnd('COMMIT'.padEnd(100))).to.equal(false)
  })

  it('is told to be a ROLLBACK, also to a savepoint', () => {
    for (const sql of ['ROLLBACK', 'rollback;', '  ROLLBACK', 'ROLLBACK TO SAVEPOINT trx2']) {
      expect(isRollback(sql), sql).to.equal(true)
    }
    for (const sql of ['COMMIT', 'rollbacks', 'SELECT 1; ROLLBACK', 'x ROLLBACK', undefined]) {
      expect(isRollback(sql), sql).to.equal(false)
    }
  })
})
