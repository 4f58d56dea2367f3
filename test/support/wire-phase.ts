/*
 * The phase of a connection, from the packets that pass. Protocol: MySQL Internals, "Command Phase", without
 * CLIENT_DEPRECATE_EOF, TLS and compression, like the pool's connections in tests.
 */
import type { WirePacket } from './wire-packets.ts'

/**
 * The phase of a connection:
 *
 * - `connecting`: until its first database is confirmed, which ends its set-up.
 * - `cancelling`: it is the connection beside the pool, which sends KILL.
 * - `idle`, `in transaction`: no command is running.
 * - `validating`: the pool has asked if it is alive.
 * - `resetting`: its session is being cleaned and set up. The database is not selected yet.
 * - `switching`: its database is being selected.
 * - `running`: a statement has no answer yet.
 * - `commit sent`, `rollback sent`: the same for these statements.
 * - `streaming`: an answer with rows has begun and not ended.
 */
export type WirePhase =
  | 'connecting'
  | 'cancelling'
  | 'idle'
  | 'in transaction'
  | 'validating'
  | 'resetting'
  | 'switching'
  | 'running'
  | 'commit sent'
  | 'rollback sent'
  | 'streaming'

type CommandKind =
  | 'statement'
  | 'prepare'
  | 'commit'
  | 'rollback'
  | 'ping'
  | 'reset'
  | 'set-up'
  | 'database'

const COM = {
  initDb: 0x02,
  query: 0x03,
  ping: 0x0e,
  prepare: 0x16,
  execute: 0x17,
  reset: 0x1f,
} as const

const OK = 0x00
const LOCAL_INFILE = 0xfb
const EOF = 0xfe
const ERR = 0xff
/** A longer packet with an EOF's first byte is a row. */
const LONGEST_EOF = 8

const STATUS = { inTransaction: 0x0001, moreResults: 0x0008 } as const

/** Follows the packets of one connection. */
export class WireState {
  /** The server's own id of the connection; undefined before its greeting. */
  connectionId: number | undefined
  #isLoggedIn = false
  #isSetUp = false
  #isCancelling = false
  #inTransaction = false
  /** Commands whose answers have not ended. */
  #commands: CommandKind[] = []
  /** The next expected part of the first command's answer. */
  #part: 'header' | 'definitions' | 'columns' | 'rows' = 'header'
  /** How many EOFs will end the definitions of a prepared statement. */
  #definitions = 0

  get phase(): WirePhase {
    if (this.#isCancelling) return 'cancelling'
    if (!this.#isSetUp) return 'connecting'
    switch (this.#commands[0]) {
      case undefined:
        return this.#inTransaction ? 'in transaction' : 'idle'
      case 'ping':
        return 'validating'
      case 'reset':
      case 'set-up':
        return 'resetting'
      case 'database':
        return 'switching'
      case 'commit':
        return 'commit sent'
      case 'rollback':
        return 'rollback sent'
      default:
        return this.#part === 'columns' || this.#part === 'rows' ? 'streaming' : 'running'
    }
  }

  /** Handles a packet from the client. */
  sent({ sequenceId, head }: WirePacket): void {
    if (!this.#isLoggedIn || sequenceId !== 0) return
    const kind = this.#kindOf(head)
    if (kind) this.#commands.push(kind)
  }

  /** Handles a packet from the server. */
  answered(packet: WirePacket): void {
    if (this.#isLoggedIn) this.#onAnswer(packet)
    else if (this.connectionId === undefined) this.connectionId = connectionIdOf(packet.head)
    else if (packet.head[0] === OK) this.#isLoggedIn = true
  }

  #kindOf(head: Buffer): CommandKind | undefined {
    switch (head[0]) {
      case COM.initDb:
        return 'database'
      case COM.ping:
        return 'ping'
      case COM.reset:
        return 'reset'
      case COM.prepare:
        return 'prepare'
      case COM.execute:
        return 'statement'
      case COM.query:
        return this.#kindOfQuery(textOf(head))
      default:
        return undefined // closing a statement or the connection has no answer
    }
  }

  #kindOfQuery(sql: string): CommandKind {
    // Only in its set-up the pool sends a statement before the last one is answered.
    if (this.#commands.length > 0) return 'set-up'
    if (/^commit\b/i.test(sql)) return 'commit'
    if (/^rollback\b(?! to)/i.test(sql)) return 'rollback'
    if (!this.#isSetUp && /^show global status\b/i.test(sql)) this.#isCancelling = true
    return 'statement'
  }

  #onAnswer(packet: WirePacket): void {
    const { head } = packet
    if (head[0] === ERR) this.#end(false)
    else if (this.#part === 'header') this.#onHeader(head)
    else if (isEof(packet)) this.#onEof(head)
  }

  #onHeader(head: Buffer): void {
    if (head[0] === LOCAL_INFILE) return
    if (this.#commands[0] === 'prepare') this.#onPrepared(head)
    else if (head[0] === OK) this.#onStatus(statusOf(head))
    else this.#part = 'columns'
  }

  #onEof(head: Buffer): void {
    if (this.#part === 'columns') this.#part = 'rows'
    else if (this.#part === 'rows') this.#onStatus(head.readUInt16LE(3))
    else if (--this.#definitions === 0) this.#end(true)
  }

  #onPrepared(head: Buffer): void {
    const [columns, parameters] = [head.readUInt16LE(5), head.readUInt16LE(7)]
    this.#definitions = Number(columns > 0) + Number(parameters > 0)
    if (this.#definitions === 0) this.#end(true)
    else this.#part = 'definitions'
  }

  #onStatus(status: number): void {
    this.#inTransaction = (status & STATUS.inTransaction) !== 0
    if (status & STATUS.moreResults) this.#part = 'header'
    else this.#end(true)
  }

  #end(isOk: boolean): void {
    this.#part = 'header'
    const command = this.#commands.shift()
    if (command === 'database' && isOk && this.#commands.length === 0) this.#isSetUp = true
  }
}

/** It follows the protocol version and the server's version, which ends with a NUL. */
function connectionIdOf(greeting: Buffer): number | undefined {
  const at = greeting.indexOf(0, 1) + 1
  return at > 0 && at + 4 <= greeting.length ? greeting.readUInt32LE(at) : undefined
}

/** If the server knows query attributes, their count and the number of sets come before the text. */
function textOf(head: Buffer): string {
  const at = head[1] === 0 && head[2] === 1 ? 3 : 1
  return head.toString('latin1', at).trimStart()
}

function isEof({ head, length }: WirePacket): boolean {
  return head[0] === EOF && length <= LONGEST_EOF
}

/** The status of an OK. It follows two integers of variable length. */
function statusOf(ok: Buffer): number {
  let at = 1
  for (let count = 0; count < 2; count++) at += 1 + sizeOf(ok[at] as number)
  return at + 2 <= ok.length ? ok.readUInt16LE(at) : 0
}

/** How many bytes follow the first byte of an integer of variable length. */
function sizeOf(first: number): number {
  if (first < 0xfb) return 0
  if (first === 0xfc) return 2
  return first === 0xfd ? 3 : 8
}
