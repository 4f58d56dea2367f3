/*
 * Protocol facts: MySQL Internals, "Command Phase" and "OK_Packet";
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_basic_ok_packet.html
 */
import type { Packet } from './driver-types.ts'

const COM_INIT_DB = 0x02
const COM_QUERY = 0x03
const COM_PING = 0x0e
const COM_RESET_CONNECTION = 0x1f

const OK = 0x00
const ERR = 0xff
const LOCAL_INFILE = 0xfb
const SESSION_TRACK_SCHEMA = 0x01
/** A transaction has begun or ended, and how it was begun. */
const SESSION_TRACK_TRANSACTION = [0x04, 0x05]

/** Bits of the status that ends every answer but an error. */
export const STATUS = {
  inTransaction: 0x0001,
  autocommit: 0x0002,
  moreResults: 0x0008,
  sessionChanged: 0x4000,
} as const

/** Capability bits. A capability counts if the server and the client both have it. */
export const CAPABILITY = {
  queryAttributes: 0x0800_0000,
} as const

/** COM_RESET_CONNECTION: a new session on the old connection. */
export function resetPacket(): Buffer {
  return packet(Buffer.from([COM_RESET_CONNECTION]))
}

/** COM_PING: answered by an OK, and nothing else happens. */
export function pingPacket(): Buffer {
  return packet(Buffer.from([COM_PING]))
}

/** COM_INIT_DB: makes a database the current one. The name is a field, never pasted into SQL. */
export function initDbPacket(database: string): Buffer {
  return packet(Buffer.from([COM_INIT_DB]), Buffer.from(database))
}

/** COM_QUERY. With query attributes agreed on, an empty set of them goes before the SQL. */
export function queryPacket(sql: string, withAttributes: boolean): Buffer {
  return packet(Buffer.from(withAttributes ? [COM_QUERY, 0, 1] : [COM_QUERY]), Buffer.from(sql))
}

function packet(...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const header = Buffer.alloc(4)
  header.writeUIntLE(body.length, 0, 3)
  return Buffer.concat([header, body])
}

/** True for an OK, at a place in an answer that can hold one. */
export function isOk(answer: Packet): boolean {
  return answer.buffer[answer.offset] === OK
}

/** True for an ERR, at a place in an answer that can hold one. */
export function isErr(answer: Packet): boolean {
  return answer.buffer[answer.offset] === ERR
}

/** The server's error code in an ERR. */
export function errnoOf({ buffer, offset }: Packet): number {
  return buffer.readUInt16LE(offset + 1)
}

/** The number of columns at the beginning of a result; undefined if the server asks for a file. */
export function readColumnCount({ buffer, offset, end }: Packet): number | undefined {
  if (buffer[offset] === LOCAL_INFILE) return undefined
  return new Reader(buffer, offset, end).integer()
}

/** Where the length of the database's name stands in a column definition: behind the catalog `def`. */
const DATABASE_AT = 4

/**
 * True if a column definition names another database than this one, if any is given. It names none for an
 * expression. The layout: https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query_response_text_resultset_column_definition.html
 */
export function isOfOtherDatabase(
  { buffer, offset }: Packet,
  database: Buffer | undefined,
): boolean {
  const length = buffer[offset + DATABASE_AT]
  if (length === 0 || database === undefined) return false
  const from = offset + DATABASE_AT + 1
  return length !== database.length || database.compare(buffer, from, from + database.length) !== 0
}

/** The contents of an OK that concern the session. */
export interface OkStatus {
  readonly status: number
  /** True if a later statement of the session could see it by LAST_INSERT_ID() or SHOW WARNINGS. */
  readonly leavesTrace: boolean
  /** True if it has changed the session. A change of its transaction alone does not count. */
  readonly isChanged: boolean
  /** The current database, if this command changed or re-selected it; `''`: it was dropped. */
  readonly database: string | undefined
}

/** Reads an OK without moving the packet's offset. */
export function readOk({ buffer, offset, end }: Packet, tracked: boolean): OkStatus {
  const reader = new Reader(buffer, offset + 1, end)
  reader.skipInteger() // affected rows
  const hasInsertId = reader.uint8() !== 0
  if (hasInsertId) {
    reader.offset--
    reader.skipInteger()
  }
  const status = reader.uint16()
  const hasWarnings = reader.uint16() !== 0
  const tellsChange = (status & STATUS.sessionChanged) !== 0
  const { database, isOnlyTransaction } = tracked && tellsChange ? readTracked(reader) : UNTRACKED
  const isChanged = tellsChange && !isOnlyTransaction
  return { status, leavesTrace: hasInsertId || hasWarnings, isChanged, database }
}

interface Tracked {
  readonly database: string | undefined
  /** True if nothing of the session has changed but its transaction. */
  readonly isOnlyTransaction: boolean
}

const UNTRACKED: Tracked = { database: undefined, isOnlyTransaction: false }

function readTracked(reader: Reader): Tracked {
  reader.skipString() // info
  if (reader.isAtEnd()) return UNTRACKED
  const end = reader.integer() + reader.offset
  let database: string | undefined
  let isOnlyTransaction = reader.offset < end
  while (reader.offset < end) {
    const type = reader.uint8()
    const entryEnd = reader.integer() + reader.offset
    if (type === SESSION_TRACK_SCHEMA) database = reader.string()
    isOnlyTransaction &&= SESSION_TRACK_TRANSACTION.includes(type)
    reader.offset = entryEnd
  }
  return { database, isOnlyTransaction }
}

/** Reads the protocol's integers and strings. */
class Reader {
  readonly #buffer: Buffer
  readonly #end: number
  offset: number

  constructor(buffer: Buffer, offset: number, end: number) {
    this.#buffer = buffer
    this.offset = offset
    this.#end = end
  }

  isAtEnd(): boolean {
    return this.offset >= this.#end
  }

  uint8(): number {
    return this.#buffer.readUInt8(this.offset++)
  }

  uint16(): number {
    this.offset += 2
    return this.#buffer.readUInt16LE(this.offset - 2)
  }

  /** A length-encoded integer. */
  integer(): number {
    const first = this.uint8()
    const size = integerSize(first)
    if (size === 0) return first
    this.offset += size
    // No length in a session record comes near 2^48; only ids do, and those are skipped.
    return this.#buffer.readUIntLE(this.offset - size, Math.min(size, 6))
  }

  skipInteger(): void {
    const size = integerSize(this.uint8())
    this.offset += size
  }

  /** A length-encoded string. */
  string(): string {
    const length = this.integer()
    this.offset += length
    return this.#buffer.toString('utf8', this.offset - length, this.offset)
  }

  skipString(): void {
    if (this.isAtEnd()) return
    const length = this.integer()
    this.offset += length
  }
}

/** How many bytes follow the first one of a length-encoded integer. */
function integerSize(first: number): number {
  if (first < 0xfb) return 0
  if (first === 0xfc) return 2
  return first === 0xfd ? 3 : 8
}
