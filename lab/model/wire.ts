/** Packets as a server writes and reads them. */

const CAPABILITIES = 0x0080_0000 | 0x0008_0000 | 0x0002_0000 | 0x0001_0000 | 0xa209
/** A bit of the status that announces another result. */
export const MORE_RESULTS = 0x0008
const SESSION_CHANGED = 0x4000

/** A client's request. */
export type Request =
  | { readonly kind: 'login' | 'ping' | 'reset' | 'quit' }
  | { readonly kind: 'database'; readonly database: string }
  | { readonly kind: 'sql'; readonly sql: string }

/** The requests in a client's data. The number of a login's packet identifies it. */
export function readRequests(bytes: Buffer): Request[] {
  const requests: Request[] = []
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUIntLE(at, 3)
    const body = bytes.subarray(at + 4, at + 4 + length)
    requests.push(bytes[at + 3] === 0 ? readRequest(body) : { kind: 'login' })
    at += 4 + length
  }
  return requests
}

function readRequest(body: Buffer): Request {
  const rest = body.toString('utf8', 1)
  switch (body[0]) {
    case 0x01:
      return { kind: 'quit' }
    case 0x02:
      return { kind: 'database', database: rest }
    case 0x03:
      return { kind: 'sql', sql: rest }
    case 0x0e:
      return { kind: 'ping' }
    case 0x1f:
      return { kind: 'reset' }
    default:
      throw new Error(`The model's server does not know the command ${body[0]}.`)
  }
}

/** One answer, or a part of one: packets with consecutive numbers. */
export function packets(first: number, ...bodies: Buffer[]): Buffer {
  return Buffer.concat(
    bodies.map((body, index) => {
      const header = Buffer.alloc(4)
      header.writeUIntLE(body.length, 0, 3)
      header[3] = first + index
      return Buffer.concat([header, body])
    }),
  )
}

/** The server's first packet. */
export function greeting(connectionId: number): Buffer {
  const capabilities = Buffer.alloc(4)
  capabilities.writeUInt32LE(CAPABILITIES)
  return Buffer.concat([
    Buffer.from('\x0a11.4.0-MariaDB\0'),
    uint(connectionId, 4),
    Buffer.from('abcdefgh\0'),
    capabilities.subarray(0, 2),
    Buffer.from([45]),
    uint(2, 2),
    capabilities.subarray(2),
    Buffer.from([21]),
    Buffer.alloc(10),
    Buffer.from('ijklmnopqrst\0mysql_native_password\0'),
  ])
}

/** An OK. It names a database if the server reports one, and the id of an insert, if it was one. */
export function ok(status: number, database?: string, insertId = 0): Buffer {
  if (database === undefined) {
    const id = insertId < 0xfb ? uint(insertId, 1) : Buffer.from([0xfc, ...uint(insertId, 2)])
    return Buffer.concat([Buffer.alloc(2), id, uint(status, 2), uint(0, 2)])
  }
  const name = string(database)
  return Buffer.concat([
    Buffer.alloc(3),
    uint(status | SESSION_CHANGED, 2),
    uint(0, 3), // warnings, and no info
    string(Buffer.concat([Buffer.from([1]), string(name)])),
  ])
}

export function err(errno: number): Buffer {
  return Buffer.concat([Buffer.from([0xff]), uint(errno, 2), Buffer.from(`#42000error ${errno}`)])
}

/** The end of columns or rows. MariaDB marks it in a block that has changed the session. */
export function eof(status: number, isChanged = false, warnings = 0): Buffer {
  const bits = isChanged ? status | MORE_RESULTS | SESSION_CHANGED : status
  return Buffer.concat([Buffer.from([0xfe]), uint(warnings, 2), uint(bits, 2)])
}

/** The packets before rows, without the end of the columns. The columns are of a database, or of none. */
export function columns(names: readonly string[], database = ''): Buffer[] {
  const type = Buffer.from([0x0c, 45, 0, 0, 1, 0, 0, 0xfd, 0, 0, 0, 0, 0])
  const definition = (name: string) =>
    Buffer.concat([...['def', database, '', '', name, ''].map(string), type])
  return [Buffer.from([names.length]), ...names.map(definition)]
}

export function row(...values: string[]): Buffer {
  return Buffer.concat(values.map(string))
}

function string(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as string)
  return Buffer.concat([Buffer.from([bytes.length]), bytes])
}

function uint(value: number, size: number): Buffer {
  const bytes = Buffer.alloc(size)
  bytes.writeUIntLE(value, 0, size)
  return bytes
}
