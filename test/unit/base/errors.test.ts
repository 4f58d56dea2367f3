import { expect } from 'chai'
import knex from 'knex'
import { annotate, serverErrno } from '../../../src/base/errors.ts'
import { AcquireTimeoutError, type PoolNumbers, TenantKnexError } from '../../../src/index.ts'
import { placeOf } from '../../support/place.ts'

const ours = () => new TenantKnexError('ERR_NO_TENANT', 'No tenant.', { cause: new Error('why') })
const NUMBERS: PoolNumbers = {
  total: 2,
  used: 2,
  own: 1,
  inTransaction: 0,
  idle: 0,
  waiting: 3,
  max: 2,
  limit: 2,
  longestHeld: undefined,
}
const timeout = (numbers: Partial<PoolNumbers> = {}) =>
  new AcquireTimeoutError(placeOf('a', 'tenant_a'), { ...NUMBERS, ...numbers }, 100)

describe('errors', () => {
  it('have a name, a code and a cause', () => {
    expect(ours()).to.include({ name: 'TenantKnexError', code: 'ERR_NO_TENANT' })
    expect(ours().cause).to.be.instanceOf(Error)
    expect(timeout()).to.include({ name: 'KnexTimeoutError', code: 'ERR_ACQUIRE_TIMEOUT' })
    expect(timeout().message).to.contain('2 total, 2 used (1 by this tenant), 0 idle, 3 waiting')
  })

  it('of a full pool name who holds a connection the longest', () => {
    const longestHeld = { tenant: 'b', connectionId: 7, heldMillis: 99.6, isInTransaction: true }
    expect(timeout({ longestHeld, max: 1 }).message).to.contain(
      'The one connection (7) is held by tenant "b" for 100 ms, in a transaction. The pool is',
    )
    expect(timeout({ longestHeld: { ...longestHeld, isInTransaction: false } }).message).to.contain(
      'The one that is held the longest (7) is held by tenant "b" for 100 ms, in no transaction. The',
    )
    expect(timeout().message).to.contain('3 waiting. The pool is')
  })

  it('of a tenant whose transactions hold all that it may have say so, and no others', () => {
    const said = (own: number, inTransaction: number, limit: number) =>
      timeout({ own, inTransaction, limit, max: 6 }).message
    expect(said(2, 2, 2)).to.match(
      /\. a may hold 2 of 6 connections now and holds 2, both in transactions; is a query outside its trx\? See `pool\.maxPerTenant`\.$/,
    )
    expect(said(1, 1, 1)).to.contain(
      'may hold 1 of 6 connections now and holds 1, in a transaction;',
    )
    expect(said(3, 3, 3)).to.contain('holds 3, all in transactions; is')
    expect(said(3, 3, 2)).to.contain('may hold 2 of 6 connections now and holds 3, all in')
    for (const other of [said(2, 1, 2), said(2, 2, 3), said(0, 0, 2), said(0, 0, 0)]) {
      expect(other).to.contain('The pool is probably full').and.not.contain('outside its trx')
    }
  })

  it('are told apart by instanceof, subclasses too', () => {
    class Mine extends TenantKnexError {}
    expect(ours()).to.be.instanceOf(TenantKnexError).and.instanceOf(Error)
    expect(ours()).not.to.be.instanceOf(AcquireTimeoutError).and.not.instanceOf(Mine)
    expect(timeout()).to.be.instanceOf(TenantKnexError).and.instanceOf(AcquireTimeoutError)
    expect(timeout()).to.be.instanceOf(knex.KnexTimeoutError)
    expect(new Mine('ERR_NO_TENANT', '')).to.be.instanceOf(Mine).and.instanceOf(TenantKnexError)
    expect(new Error('x')).not.to.be.instanceOf(TenantKnexError)
    expect(null).not.to.be.instanceOf(TenantKnexError)
  })

  it('keep their message when Knex writes the statement with its values before it', () => {
    const error = ours()
    error.message = `select 'secret' - ${error.message}`
    expect(error.message).to.equal('No tenant.')
  })

  it('of others get what Knex cannot know, unseen by logs, once', () => {
    const error = Object.assign(new Error('dup'), { errno: 1062, sqlState: '23000' })
    annotate(error, { tenant: 'a', connectionId: 7, outcome: 'failed' })
    annotate(error, { tenant: 'b', connectionId: 8, outcome: 'unknown' })
    expect(error).to.include({ tenant: 'a', connectionId: 7, outcome: 'failed' })
    expect(Object.keys(error)).to.deep.equal(['errno', 'sqlState'])
  })

  it('that cannot take anything on are left alone', () => {
    for (const value of [Object.freeze(new Error('x')), 'text', null, undefined]) {
      expect(() => annotate(value, { tenant: 'a' })).not.to.throw()
    }
  })

  it('are the server’s where they have its number and state', () => {
    expect(serverErrno(Object.assign(new Error(), { errno: 1049, sqlState: '42000' }))).to.equal(
      1049,
    )
    expect(serverErrno(Object.assign(new Error(), { errno: -111 }))).to.equal(undefined)
    expect(serverErrno('x')).to.equal(undefined)
  })
})
