import { expect } from 'chai'
import { chooseIdle } from '../../src/pool/choose-idle.ts'

/** Idle connections by their databases, the one released last at the end; `-` is a fresh one. */
function choose(idle: string, database: string): number {
  const connections = [...idle].map((name) =>
    name === '-'
      ? { database: 'information_schema', isFresh: true }
      : { database: name === '?' ? undefined : name, isFresh: false },
  )
  return chooseIdle(connections, database)
}

describe('the choice among idle connections', () => {
  it('is none of none', () => expect(choose('', 'a')).to.equal(-1))
  it('takes the one in the same database', () => expect(choose('bac', 'a')).to.equal(1))
  it('takes the one used last of several', () => expect(choose('abac', 'a')).to.equal(2))
  it('takes a fresh one before another tenant’s', () => expect(choose('b-c', 'a')).to.equal(1))
  it('takes one whose database is not known', () => expect(choose('b?c', 'a')).to.equal(1))
  it('takes a duplicate before the only one', () => expect(choose('bcdcd', 'a')).to.equal(1))
  it('takes the one idle longest of single ones', () => expect(choose('bcd', 'a')).to.equal(0))
})
