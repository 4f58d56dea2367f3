import { expect } from 'chai'
import {
  cleaningPlan,
  encodeStep,
  PROBE,
  setupPlan,
  switchPlan,
} from '../../../../src/connection/switch/plan.ts'

const setup = {
  statements: ['SET NAMES utf8mb4', 'SET ROLE NONE', 'SET @x = 1'],
  isPlain: false,
}

describe('the switch plan', () => {
  it('is empty for the tenant whose database was confirmed', () => {
    expect(switchPlan('nothing', setup, 'db_a')).to.deep.equal([])
  })

  it('selects the database where the session is nobody else’s', () => {
    expect(switchPlan('confirm', setup, 'db_a')).to.deep.equal([
      { kind: 'database', database: 'db_a' },
    ])
  })

  it('resets, leaves the database before, sets up and selects, in this order, for another tenant', () => {
    expect(switchPlan('hand-over', setup, 'db_b')).to.deep.equal([
      { kind: 'reset' },
      { kind: 'database', database: 'information_schema' },
      { kind: 'set', sql: 'SET NAMES utf8mb4' },
      { kind: 'set', sql: 'SET ROLE NONE' },
      { kind: 'set', sql: 'SET @x = 1' },
      { kind: 'database', database: 'db_b' },
    ])
  })

  it('leads over the neutral database where a statement leaves with it', () => {
    expect(switchPlan('confirm', setup, 'db_a', true)).to.deep.equal([
      { kind: 'database', database: 'information_schema' },
      { kind: 'database', database: 'db_a' },
    ])
    const handOver = switchPlan('hand-over', setup, 'db_a')
    expect(switchPlan('hand-over', setup, 'db_a', true)).to.deep.equal(handOver)
  })

  it('rolls back before it resets, and clears what a reset does not, where that is asked for', () => {
    const sqls = (isInTransaction: boolean, isThorough: boolean) =>
      cleaningPlan(setup, 'db_a', isInTransaction, isThorough).map((step) =>
        step.kind === 'set' ? step.sql : step.kind,
      )
    const handOver = switchPlan('hand-over', setup, 'db_a').length
    expect(sqls(false, false)).to.have.lengthOf(handOver)
    expect(sqls(true, false).slice(0, 2)).to.deep.equal(['ROLLBACK', 'reset'])
    expect(sqls(true, true).slice(0, 3)).to.deep.equal([
      'ROLLBACK',
      'SELECT 1 INTO @tenant_knex',
      'reset',
    ])
  })

  it('sets a new connection up in the neutral database, and leaves it there', () => {
    const neutral = { kind: 'database', database: 'information_schema' }
    const sets = setup.statements.map((sql) => ({ kind: 'set', sql }))
    expect(setupPlan(setup)).to.deep.equal([neutral, ...sets, neutral])
  })

  it('asks a connection whether it is alive by a ping, which changes nothing', () => {
    expect(PROBE).to.deep.equal([{ kind: 'ping' }])
  })
})

describe('a step of a plan', () => {
  const encoded = (step: Parameters<typeof encodeStep>[0], withAttributes = false) =>
    encodeStep(step, withAttributes).toString('hex')

  it('is encoded as the command that it is', () => {
    expect(encoded({ kind: 'ping' })).to.equal('010000000e')
    expect(encoded({ kind: 'reset' })).to.equal('010000001f')
    expect(encoded({ kind: 'set', sql: 'DO 1' })).to.equal('0500000003444f2031')
    expect(encoded({ kind: 'set', sql: 'DO 1' }, true)).to.equal('07000000030001444f2031')
    expect(encoded({ kind: 'database', database: 'ab' })).to.equal('03000000026162')
  })

  it('is encoded once for each kind of server', () => {
    const step = { kind: 'set', sql: 'DO 1' } as const
    const [plain, withAttributes] = [encodeStep(step, false), encodeStep(step, true)]
    expect(withAttributes).to.have.lengthOf(plain.length + 2)
    expect(encodeStep(step, false)).to.equal(plain)
    expect(encodeStep(step, true)).to.equal(withAttributes)
  })
})
