import { expect } from 'chai'
import {
  isPureExpression,
  unescapeOnce,
} from '../../../../src/connection/hidden-code/expressions.ts'

const PURE = [
  "'it''s @v f()'",
  "concat('\\'','@v')",
  "_utf8mb4'f()'",
  "X'4041'",
  '`a``(@b` + 1.5e3',
  "concat(`it's`,`x's`)",
  'current_timestamp(3)',
  'CURRENT_TIMESTAMP',
  'cast(`a` as char(10) charset utf8mb4)',
  'case when (`c` between 1 and 2) then lower(`a`) else NULL end',
  '`s` + interval 1 day',
  'ROW START',
]

const IMPURE = [
  '@v',
  '@v:=1',
  '@@sql_mode',
  'database()',
  'nextval(`a`.`s`)',
  "concat(`it's`,@v,`x's`)",
  "concat('\\\\',@v,'')",
  'lower (connection_id())',
  '`lower`(1)',
  'a.lower(1)',
  '`a`.`b`',
  'mystery',
  'lower(mystery)',
  'now',
  'year(get_lock(`a`))',
  '/*!50000 1 */',
  '1 -- 2',
  '"a b"',
  "'open",
  '`open',
  'a#b',
  'a;b',
]

describe('an expression in a table', () => {
  for (const text of PURE) {
    it(`is pure: ${text}`, () => expect(isPureExpression(text)).to.equal(true))
  }
  for (const text of IMPURE) {
    it(`is not pure, or it is in doubt: ${text}`, () =>
      expect(isPureExpression(text)).to.equal(false))
  }

  it('is pure only if all its parts are, in every combination', () => {
    const pure = ['`a`', "'@'", "'\\''", '1', 'now()', '`@v(`', "''", "`it's`"]
    const hidden = ['@v', 'user()', 'f(1)', '@@x', 'x.y', '`f`(1)']
    for (const first of pure) {
      for (const last of pure) {
        for (const part of pure) {
          expect(isPureExpression(`concat(${first},${part},${last})`)).to.equal(true)
        }
        for (const part of hidden) {
          const text = `concat(${first},${part},${last})`
          expect(isPureExpression(text), text).to.equal(false)
        }
      }
    }
  })

  it('of MySQL has quotes and backslashes escaped once more', () => {
    expect(unescapeOnce("_utf8mb4\\'it\\\\\\'s \\\\\\\\\\'")).to.equal("_utf8mb4'it\\'s \\\\'")
  })
})
