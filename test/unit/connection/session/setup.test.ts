import { expect } from 'chai'
import { sessionSetup } from '../../../../src/connection/session/setup.ts'

const NAMES = 'SET NAMES utf8mb4'

const PARTS = { names: NAMES, role: undefined, isMariaDB: true, session: [] }

function merge(...session: string[]): readonly string[] {
  const { statements, isPlain } = sessionSetup({ ...PARTS, session })
  expect(isPlain).to.equal(statements.length === 1)
  return statements
}

describe('the setup of a session', () => {
  it('is the character set alone, where the server knows no roles', () => {
    expect(sessionSetup(PARTS)).to.deep.equal({ statements: [NAMES], isPlain: true })
  })

  it('has the role in the same statement on MariaDB', () => {
    const session = ['SET sql_mode = 1', 'DO 1']
    expect(sessionSetup({ ...PARTS, role: 'NONE', session })).to.deep.equal({
      statements: [`${NAMES}, ROLE NONE, sql_mode = 1`, 'DO 1'],
      isPlain: false,
    })
  })

  it('has the role in one of its own on MySQL', () => {
    const session = ['SET sql_mode = 1', 'DO 1']
    expect(sessionSetup({ ...PARTS, role: 'NONE', isMariaDB: false, session })).to.deep.equal({
      statements: [`${NAMES}, sql_mode = 1`, 'SET ROLE NONE', 'DO 1'],
      isPlain: false,
    })
  })

  it('is plain where no role has to come back', () => {
    for (const isMariaDB of [true, false]) {
      expect(sessionSetup({ ...PARTS, role: 'NONE', isMariaDB }).isPlain).to.equal(true)
      expect(sessionSetup({ ...PARTS, role: '`x`', isMariaDB }).isPlain).to.equal(false)
    }
  })
})

describe('settings that are one statement with SET NAMES', () => {
  for (const [statement, assignment] of [
    ["SET time_zone = '+00:00'", "time_zone = '+00:00'"],
    [" set\nSESSION time_zone='-11:30' ; ", "SESSION time_zone='-11:30'"],
    ["SET sql_mode = ''", "sql_mode = ''"],
    ["SET @@session.sql_mode = 'A,B', foreign_key_checks = OFF", undefined],
    ["SET @@transaction_isolation = 'READ-COMMITTED'", undefined],
    ['SET SESSION innodb_lock_wait_timeout = 5, lock_wait_timeout = 10', undefined],
    ['SET max_statement_time = 2.5', 'max_statement_time = 2.5'],
    ['SET group_concat_max_len = DEFAULT', 'group_concat_max_len = DEFAULT'],
  ] as const) {
    it(`are assignments of what cannot be refused: ${statement}`, () => {
      expect(merge(statement)).to.deep.equal([
        `${NAMES}, ${assignment ?? statement.slice('SET '.length)}`,
      ])
    })
  }

  for (const statement of [
    "SET time_zone = 'Europe/Berlin'", // the server's tables of time zones can be emptied
    "SET time_zone = 'SYSTEM'",
    'SET GLOBAL sql_mode = 1',
    'SET @@global.sql_mode = 1',
    "SET PERSIST sql_mode = ''",
    'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
    'SET sql_log_bin = 0', // needs a privilege
    "SET optimizer_switch = 'mrr=off'", // a second one in the same statement would undo it
    'SET NAMES latin1',
    'SET CHARACTER SET latin1',
    "SET character_set_results = 'latin1'",
    "SET collation_connection = 'utf8mb4_bin'",
    'SET autocommit = 0',
    'SET ROLE x',
    "SET PASSWORD = 'x'",
    'SET @mine = 1',
    'SET sql_mode = @mine',
    'SET sql_mode = (SELECT 1)',
    "SET sql_mode = CONCAT('a', 'b')",
    "SET sql_mode = 'a\\'b'",
    "SET sql_mode = 'a''b'",
    'SET sql_mode = "ANSI"', // a name where ANSI_QUOTES is on
    "SET sql_mode = '', @mine = 1",
    "SET sql_mode = ''; DROP TABLE items",
    "SET STATEMENT max_statement_time = 1 FOR SET sql_mode = ''",
    "SET /* x */ sql_mode = ''",
    'DO 1',
    '',
  ]) {
    it(`are no others: ${statement}`, () => {
      expect(merge(statement)).to.deep.equal([NAMES, statement])
    })
  }

  it('stay in their order: none after another kind of statement', () => {
    expect(merge("SET sql_mode = ''", 'SET wait_timeout = 9', 'DO 1', 'SET sql_mode = 1')).to.eql([
      `${NAMES}, sql_mode = '', wait_timeout = 9`,
      'DO 1',
      'SET sql_mode = 1',
    ])
  })
})
