import type { Packet } from '../../../../src/connection/wire/driver-types.ts'

/** A packet in the middle of a buffer, as they come. */
export function packet(hex: string): Packet {
  const body = Buffer.from(hex.replaceAll(' ', ''), 'hex')
  const buffer = Buffer.concat([Buffer.from('00ff00ff', 'hex'), body, Buffer.from('ff')])
  return {
    buffer,
    offset: 4,
    end: 4 + body.length,
    isEOF: () => body[0] === 0xfe,
    eofWarningCount: () => body.readInt16LE(1),
    eofStatusFlags: () => body.readUInt16LE(3),
  } as Packet
}

const hexOf = (uint16: number) => Buffer.from([uint16 & 0xff, uint16 >> 8]).toString('hex')
export const err = (errno: number) => packet(`ff ${hexOf(errno)} 23 3432303030`)
export const eof = (status: number, warnings = 0) =>
  packet(`fe ${hexOf(warnings)} ${hexOf(status)}`)
export const ok = (status: number, schema = '', warnings = 0) =>
  packet(`00 00 00 ${hexOf(status)} ${hexOf(warnings)} ${schema}`)
