import { expect } from 'chai'
import type { Sender, StatementNature } from '../../../src/connection/sender.ts'
import type { SessionUse } from '../../../src/connection/session/state.ts'
import { StatementOnWire } from '../../../src/connection/statement-on-wire.ts'
import type { Command } from '../../../src/connection/wire/driver-types.ts'
import { placeOf } from '../../support/place.ts'

const PLACE = placeOf('a', 'db_a')
const TEXT = { sql: 'CREATE TRIGGER' } as Command

/** A statement on the wire, and all that its connection was told. */
function watched() {
  const told: string[] = []
  const onStatement = (place: typeof PLACE, use: SessionUse) =>
    told.push(`${place.database} ${use}`)
  const onDefinition = (place: typeof PLACE) => {
    told.push(`defines in ${place.database}`)
    return () => void told.push('has defined')
  }
  const connection = { state: { onStatement }, settings: { events: { onDefinition } } }
  return { told, onWire: new StatementOnWire(connection) }
}

function senderOf(nature: Partial<StatementNature>): Sender {
  const unknown = {
    isBuilt: false,
    session: 'own',
    definesNothing: false,
    cannotCommit: false,
  } as const
  return { lease: { place: PLACE }, nature: { ...unknown, ...nature }, explain: () => undefined }
}

describe('a statement on the wire', () => {
  it('tells its session of itself when it begins', () => {
    const { told, onWire } = watched()
    onWire.begin(senderOf({ session: 'common', definesNothing: true }), TEXT)
    expect(told).to.deep.equal(['db_a common'])
    onWire.end()
    expect(told).to.deep.equal(['db_a common'])
  })

  it('tells that it may define code from its beginning to its end', () => {
    const { told, onWire } = watched()
    onWire.begin(senderOf({}), TEXT)
    expect(told).to.deep.equal(['db_a own', 'defines in db_a'])
    onWire.end()
    onWire.end()
    expect(told).to.deep.equal(['db_a own', 'defines in db_a', 'has defined'])
  })

  it('may define code although it was prepared and has no text', () => {
    const { told, onWire } = watched()
    onWire.begin(senderOf({}), { statement: {} } as Command)
    expect(told).to.include('defines in db_a')
  })

  it('defines nothing if it is a ping', () => {
    const { told, onWire } = watched()
    onWire.begin(senderOf({}), {} as Command)
    expect(told).to.deep.equal(['db_a own'])
  })

  it('makes the session its tenant’s if hidden code may have come while it ran', () => {
    const plainness = { isPlain: true }
    const { told, onWire } = watched()
    onWire.begin(senderOf({ session: 'common', definesNothing: true, plainness }), TEXT)
    plainness.isPlain = false
    onWire.end()
    expect(told).to.deep.equal(['db_a common', 'db_a own'])
  })
})
