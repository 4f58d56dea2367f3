import { expect } from 'chai'
import type { Packet } from '../../../../src/connection/wire/driver-types.ts'
import {
  errnoOf,
  initDbPacket,
  isOfOtherDatabase,
  pingPacket,
  queryPacket,
  readOk,
  resetPacket,
} from '../../../../src/connection/wire/packets.ts'

/** A packet as mysql2 hands it over: inside a larger buffer, header before `offset`. */
function packet(hex: string, next = '0503'): Packet {
  const body = Buffer.from(hex.replaceAll(/\s/g, ''), 'hex')
  const buffer = Buffer.concat([Buffer.from('ffff0000', 'hex'), body, Buffer.from(next, 'hex')])
  return { buffer, offset: 4, end: 4 + body.length } as Packet
}

describe('packets', () => {
  it('are encoded with length, sequence number 0 and command', () => {
    expect(resetPacket().toString('hex')).to.equal('010000001f')
    expect(pingPacket().toString('hex')).to.equal('010000000e')
    expect(initDbPacket('ab').toString('hex')).to.equal('03000000026162')
    expect(queryPacket('DO 1', false).toString('hex')).to.equal('0500000003444f2031')
    expect(queryPacket('DO 1', true).toString('hex')).to.equal('07000000030001444f2031')
  })
})

describe('an ERR', () => {
  it('tells its number', () => expect(errnoOf(packet('ff 1904 23 3432303030'))).to.equal(1049))
})

describe('an OK', () => {
  it('tells the status', () => {
    expect(readOk(packet('00 00 00 0200 0000'), true)).to.deep.equal({
      status: 0x0002,
      leavesTrace: false,
      isChanged: false,
      database: undefined,
    })
  })

  it('tells the new database', () => {
    // As a MySQL 9.7 and a MariaDB 10.11 answer COM_INIT_DB `m2_a`.
    const answer = '00 00 00 0240 0000 00 07 01 05 04 6d325f61'
    expect(readOk(packet(answer), true)).to.deep.equal({
      status: 0x4002,
      leavesTrace: false,
      isChanged: true,
      database: 'm2_a',
    })
  })

  it('tells of what its statement has left: an id, warnings, a change of the session', () => {
    const UNREADABLE = '00 00 00 0240 0000'
    const neither = { leavesTrace: false, isChanged: false }
    const trace = { leavesTrace: true, isChanged: false }
    const change = { leavesTrace: false, isChanged: true }
    for (const [answer, tells] of [
      ['00 05 00 0200 0000', neither],
      ['00 05 01 0200 0000', trace],
      ['00 05 fc 0001 0200 0000', trace],
      ['00 05 00 0200 0100', trace],
      ['00 05 00 0200 0001', trace],
      // As a MySQL 9.7 answers BEGIN and COMMIT: what has changed is the transaction.
      ['00 00 00 0340 0000 00 0b 05 09 08 545f5f5f5f5f5f5f', neither],
      ['00 00 00 0240 0000 00 0b 05 09 08 5f5f5f5f5f5f5f5f', neither],
      ['00 00 00 0340 0000 00 0e 05 09 08 545f5f5f5f5f5f5f 02 01 31', change],
      ['00 00 00 0240 0000 00 00', change],
      [UNREADABLE, change],
    ] as const) {
      expect(readOk(packet(answer), true), answer).to.include(tells)
    }
    expect(readOk(packet('00 00 00 0240 0000 00 00'), false)).to.include(change)
  })

  it('tells that the current database was dropped', () => {
    expect(readOk(packet('00 00 00 0240 0000 00 03 01 01 00'), true).database).to.equal('')
  })

  it('is read past large counts, an info text and other entries', () => {
    const counts = 'fc e803 fe 0100000000000000'
    const variable = '00 0f 0a 6175746f636f6d6d6974 03 4f4646'
    const schema = '01 02 01 62'
    const answer = `00 ${counts} 0340 0100 02 6869 15 ${variable} ${schema}`
    expect(readOk(packet(answer), true)).to.deep.equal({
      status: 0x4003,
      leavesTrace: true,
      isChanged: true,
      database: 'b',
    })
  })

  it('is not searched where the server does not track', () => {
    expect(readOk(packet('00 00 00 0240 0000'), false).database).to.equal(undefined)
  })

  it('names a database only where it says that the session has changed', () => {
    const answer = '00 00 00 0200 0000 00 07 01 05 04 6d325f61'
    expect(readOk(packet(answer), true)).to.deep.equal({
      status: 0x0002,
      leavesTrace: false,
      isChanged: false,
      database: undefined,
    })
  })

  it('is not searched where the server does not track, whatever follows', () => {
    const answer = '00 00 00 0240 0000 00 07 01 05 04 6d325f61'
    expect(readOk(packet(answer), false).database).to.equal(undefined)
  })

  it('is not read past its end, where another packet may begin', () => {
    for (const answer of ['00 00 00 0240 0000', '00 00 00 0240 0000 00']) {
      for (const next of ['', '00 07 01 05 04 6d325f61', '0503']) {
        expect(readOk(packet(answer, next.replaceAll(' ', '')), true).database).to.equal(undefined)
      }
    }
  })

  it('is read to its end behind the database, and past a count of three bytes', () => {
    const variable = '00 0f 0a 6175746f636f6d6d6974 03 4f4646'
    const answer = `00 fd 010000 00 0240 0000 00 15 01 02 01 62 ${variable}`
    expect(readOk(packet(answer), true)).to.deep.equal({
      status: 0x4002,
      leavesTrace: false,
      isChanged: true,
      database: 'b',
    })
  })

  it('is read where its records are long', () => {
    const value = `fc 2c01 ${'61'.repeat(300)}`
    const variable = `00 fc 3101 01 78 ${value}` // 1 + 1 + 3 + 300 = 305
    const answer = `00 00 00 0240 0000 00 fc 3901 ${variable} 01 02 01 62` // 308 + 1 + 4 = 313
    expect(readOk(packet(answer), true).database).to.equal('b')
  })
})

describe('a column definition', () => {
  /** `def`, the database, and the beginning of the table's name. */
  const column = (database: string) => packet(`03 646566 ${hexOf(database)} 05 6974656d73`)
  const hexOf = (text: string) => Buffer.from([text.length, ...Buffer.from(text)]).toString('hex')

  it('is of the database that it names', () => {
    const own = Buffer.from('db_a')
    expect(isOfOtherDatabase(column('db_a'), own)).to.equal(false)
    for (const other of ['db_b', 'db_', 'db_a1', 'DB_A', 'information_schema', 'x']) {
      expect(isOfOtherDatabase(column(other), own), other).to.equal(true)
    }
  })

  it('is of none if it is an expression', () => {
    expect(isOfOtherDatabase(column(''), Buffer.from('db_a'))).to.equal(false)
  })
})
