import { expect } from 'chai'
import type { Packet } from '../../../../src/connection/wire/driver-types.ts'
import { type AnswerEnd, SkippedAnswer } from '../../../../src/connection/wire/skipped-answer.ts'

const OK = '00 00 00 0300 0000'
const OK_AND_MORE = '00 00 00 0a00 0000'
const ERR = 'ff 4804'
const EOF = 'fe 0000 0200'
const EOF_AND_MORE = 'fe 0000 0a00'
const COLUMN = '03 646566 00'
const ROW = '01 31'
const FILE = 'fb 2f746d70'

function packet(hex: string): Packet {
  const buffer = Buffer.from(hex.replaceAll(' ', ''), 'hex')
  const isEOF = () => buffer[0] === 0xfe && buffer.length < 9
  return {
    buffer,
    offset: 0,
    end: buffer.length,
    isEOF,
    eofStatusFlags: () => buffer.readUInt16LE(3),
  } as Packet
}

/** What each packet of an answer is taken for. */
function read(...packets: string[]): (AnswerEnd | undefined)[] {
  const answer = new SkippedAnswer()
  return packets.map((hex) => answer.read(packet(hex)))
}

describe('an answer that is nobody’s', () => {
  it('is over with an OK or an error', () => {
    expect(read(OK)).to.deep.equal([{ outcome: 'executed', status: 3, hasLeft: false }])
    expect(read(ERR)).to.deep.equal([{ outcome: 'failed', status: undefined, hasLeft: false }])
  })

  it('is over after the last row', () => {
    const ends = read('02', COLUMN, COLUMN, EOF, ROW, ROW, EOF)
    expect(ends.slice(0, -1)).to.deep.equal(Array(6).fill(undefined))
    expect(ends.at(-1)).to.deep.equal({ outcome: 'executed', status: 2, hasLeft: false })
  })

  it('may have no rows, a row that looks like the end, or break off in the middle', () => {
    expect(read('01', COLUMN, EOF, EOF).at(-1)).to.include({ outcome: 'executed' })
    const long = `fe ${'00'.repeat(12)}` // a row whose first field is very long
    expect(read('01', COLUMN, EOF, long)).to.deep.equal(Array(4).fill(undefined))
    expect(read('01', COLUMN, EOF, ROW, ERR).at(-1)).to.include({ outcome: 'failed' })
  })

  it('goes on where the server says that more comes', () => {
    expect(read(OK_AND_MORE, '01', COLUMN, EOF_AND_MORE, ROW, EOF_AND_MORE, OK)).to.deep.equal([
      ...Array(6).fill(undefined),
      { outcome: 'executed', status: 3, hasLeft: false },
    ])
  })

  it('tells that the statement has left its database, in whichever result', () => {
    const left = '00 00 00 0240 0000 00 06 01 04 03 646261' // names a database
    const leftAndMore = '00 00 00 0a40 0000 00 06 01 04 03 646261'
    expect(read(left)).to.deep.equal([{ outcome: 'executed', status: 0x4002, hasLeft: true }])
    expect(read(leftAndMore, OK).at(-1)).to.include({ hasLeft: true })
  })

  it('cannot be read to its end where the server wants a file', () => {
    expect(read(FILE)).to.deep.equal([{ outcome: 'unknown', status: undefined, hasLeft: false }])
  })
})
