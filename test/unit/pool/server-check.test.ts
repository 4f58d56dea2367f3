import { expect } from 'chai'
import { DEFAULTS } from '../../../src/options/options.ts'
import { checkServer } from '../../../src/pool/server-check.ts'

const REPORT = {
  version: '10.11.19-MariaDB',
  isMariaDB: true,
  account: "'app'@'%'",
  privileges: [],
  isReadOnly: false,
  isTracked: true,
  maxConnections: 151,
  maxUserConnections: 0,
  openConnections: 1,
  waitTimeoutSeconds: 28_800,
}

const warnings = (differs: Partial<typeof REPORT>, pool = {}): readonly string[] =>
  checkServer('default', { ...REPORT, ...differs }, { ...DEFAULTS.pool, ...pool }, undefined)
    .warnings

describe('checkServer', () => {
  it('has nothing to say of a server that suits the pool', () => {
    expect(warnings({})).to.deep.equal([])
  })

  it('warns where the server allows fewer connections than the pool and one more', () => {
    expect(warnings({ maxConnections: 21 }, { max: 20 })).to.deep.equal([])
    const [warning] = warnings({ maxConnections: 20 }, { max: 20 })
    expect(warning).to.contain('20').and.contain('21').and.contain('max_connections')
  })

  it('warns where the account may have fewer', () => {
    expect(warnings({ maxUserConnections: 21 }, { max: 20 })).to.deep.equal([])
    expect(warnings({ maxUserConnections: 5 }, { max: 20 })[0]).to.contain('max_user_connections')
  })

  it('warns where the database is not tracked', () => {
    expect(warnings({ isTracked: false })[0]).to.contain('selected anew')
  })

  it('warns where the server closes idle connections before the pool does', () => {
    expect(warnings({ waitTimeoutSeconds: 31 })).to.deep.equal([])
    expect(warnings({ waitTimeoutSeconds: 30 })[0]).to.contain('wait_timeout')
  })
})
