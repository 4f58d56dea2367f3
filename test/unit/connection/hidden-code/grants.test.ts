import { expect } from 'chai'
import { sightOf } from '../../../../src/connection/hidden-code/grants.ts'

const U = '`u`@`%`'
const sees = (lines: string[], database: string, isLiteral = false): boolean =>
  sightOf(lines, isLiteral)(database)
const on = (object: string, privileges = 'SELECT, TRIGGER', to = U): string =>
  `GRANT ${privileges} ON ${object} TO ${to}`

describe('the grants of an account', () => {
  const cases: [what: string, lines: string[], database: string, seen: boolean][] = [
    ['everything', [on('*.*', 'ALL PRIVILEGES')], 'a', true],
    ['both on everything', [on('*.*', 'SELECT, INSERT, TRIGGER, CREATE VIEW')], 'a', true],
    ['no trigger', [on('*.*', 'SELECT, INSERT')], 'a', false],
    ['no select', [on('*.*', 'TRIGGER, SHOW VIEW')], 'a', false],
    ['nothing', [on('*.*', 'USAGE')], 'a', false],
    ['no line', [], 'a', false],
    ['a name', [on('`a`.*')], 'a', true],
    ['another name', [on('`a`.*')], 'b', false],
    ['a longer name', [on('`a`.*')], 'ab', false],
    ['another case', [on('`a`.*')], 'A', false],
    ['a pattern', [on('`t\\_%`.*')], 't_1', true],
    ['a pattern of one', [on('`t\\_%`.*')], 'tx1', false],
    ['a wildcard for one', [on('`t_1`.*')], 'tx1', true],
    ['a wildcard for one, too long', [on('`t_1`.*')], 'txx1', false],
    ['signs of expressions', [on('`a.+(b%`.*')], 'a.+(b-c', true],
    ['signs of expressions, as such', [on('`a.%`.*')], 'ab', false],
    ['a backtick', [on('`a``b`.*')], 'a`b', true],
    ['its password', [`${on('*.*')} IDENTIFIED BY PASSWORD '*AB'`], 'a', true],
    ['a grant option', [`${on('`a`.*')} WITH GRANT OPTION`], 'a', true],
    ['everything and the database', [on('*.*', 'SELECT'), on('`a`.*', 'TRIGGER')], 'a', true],
    ['two that fit', [on('`a%`.*'), on('`ab`.*', 'SELECT')], 'ab', false],
    ['two, of which one fits', [on('`a%`.*'), on('`ab`.*', 'SELECT')], 'ac', true],
    ['a role beside', [on('`a%`.*', 'SELECT'), on('`a%`.*', 'TRIGGER', '`r`')], 'ab', true],
    ['everybody beside', [on('`a`.*', 'SELECT'), on('`a`.*', 'TRIGGER', 'PUBLIC')], 'a', true],
    ['revoked', [on('*.*'), `REVOKE TRIGGER ON \`a\`.* FROM ${U}`], 'a', false],
    ['revoked elsewhere', [on('*.*'), `REVOKE TRIGGER ON \`a\`.* FROM ${U}`], 'b', true],
    ['revoked, unknown', [on('*.*'), `REVOKE SOMETHING FROM ${U}`], 'b', false],
    ['an unknown line', [on('*.*'), 'DENY TRIGGER ON `a`.* TO `u`'], 'b', false],
    ['an unknown quote', [on('*.*'), 'GRANT SELECT ON "a".* TO "u"@"%"'], 'b', false],
    ['a table', [on('`a`.`t`', 'SELECT, SELECT (`a`, `b`), TRIGGER')], 'a', false],
    ['a table beside', [on('*.*'), on('`a`.`t`', 'SELECT (`a ON ``b`, `c`)')], 'a', true],
    ['a routine beside', [on('*.*'), on('PROCEDURE `a`.`p`', 'EXECUTE')], 'a', true],
    ['a proxy beside', [on('*.*'), on("''@'%'", 'PROXY')], 'a', true],
    ['roles beside', [on('*.*'), 'GRANT `r`@`%`,`s`@`%` TO `u`@`%`'], 'a', true],
    ['a role with option', [on('*.*'), 'GRANT `r` TO `u`@`%` WITH ADMIN OPTION'], 'a', true],
    ['a default role', [on('*.*'), 'SET DEFAULT ROLE `r` FOR `u`@`%`'], 'a', true],
    ['others', [on('*.*'), on('*.*', 'AUDIT_ABORT_EXEMPT,BACKUP_ADMIN')], 'a', true],
  ]
  for (const [what, lines, database, isSeen] of cases) {
    it(`${isSeen ? 'show' : 'do not show'} a database: ${what}`, () =>
      expect(sees(lines, database)).to.equal(isSeen))
  }

  it('know no wildcards where the server knows none', () => {
    expect(sees([on('`t%`.*')], 't1', true)).to.equal(false)
    expect(sees([on('`t_1`.*')], 't_1', true)).to.equal(true)
  })

  it('fit names as LIKE does, for all short patterns and names', () => {
    const words = (signs: string[]): string[] =>
      ['', ...signs].flatMap((a) =>
        ['', ...signs].flatMap((b) => ['', ...signs].map((c) => a + b + c)),
      )
    for (const pattern of words(['a', '_', '%', '\\_'])) {
      const seen = sightOf([on(`\`${pattern}\`.*`)], false)
      for (const name of words(['a', '_', 'b'])) {
        expect(seen(name), `${pattern} for ${name}`).to.equal(isLike(name, pattern))
      }
    }
  })
})

/** LIKE by its definition. */
function isLike(name: string, pattern: string): boolean {
  if (pattern === '') return name === ''
  if (pattern.startsWith('%')) {
    return isLike(name, pattern.slice(1)) || (name !== '' && isLike(name.slice(1), pattern))
  }
  const isEscaped = pattern.startsWith('\\')
  const sign = pattern[isEscaped ? 1 : 0]
  const fits = name !== '' && ((sign === '_' && !isEscaped) || sign === name[0])
  return fits && isLike(name.slice(1), pattern.slice(isEscaped ? 2 : 1))
}
