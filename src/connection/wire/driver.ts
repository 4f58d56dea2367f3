/*
 * The part of mysql2's connections that its types do not show (lib/base/connection.js), read in mysql2
 * 3.24.6. `driver-command.ts` does the same for its commands. No other file uses an undocumented member
 * of mysql2, and none imports from inside the package. There is no public way to see a command start, or
 * an answer before it is parsed, and the gate needs both.
 */
import type { Connection } from 'mysql2'
import type { Command, Packet, RawConnection, WireCommand } from './driver-types.ts'
import { CAPABILITY } from './packets.ts'

/** The members that only this file uses. */
interface Internals extends Omit<RawConnection, 'config'> {
  readonly clientEncoding: string
  readonly serverCapabilityFlags: number
  readonly _command: WireCommand | null | undefined
  readonly _commands: { readonly length: number; shift(): Command | undefined }
  readonly _paused: boolean
  readonly _statements: {
    readonly size: number
    values(): Iterable<PreparedStatement>
    clear(): void
  }
  readonly _fatalError: Error | null
  readonly _protocolError: Error | null
  readonly _closing?: boolean
  sequenceId: number
  readonly config: Connection['config'] & {
    charsetNumber: number
    readonly clientFlags: number
    readonly compress: boolean
  }
  write(bytes: Buffer): void
  _resetSequenceId(): void
}

/** A prepared statement, as `prepare` hands it out (lib/commands/prepare.js). */
interface PreparedStatement {
  close(): unknown
}

/** A method that makes commands. */
export type SendingMethod = 'query' | 'execute' | 'prepare' | 'unprepare' | 'ping' | 'addCommand'

/** Calls a method of the connection that makes commands. */
export function callDriver(
  connection: RawConnection,
  method: SendingMethod,
  args: readonly unknown[],
): unknown {
  const methods = connection as unknown as Record<SendingMethod, (...args: unknown[]) => unknown>
  return methods[method](...args)
}

/** The queue of a connection, behind the function that sees each command first. */
export interface CommandQueue {
  /** Queues a command that the function does not see. */
  add(command: WireCommand): void
  /** Takes the function away. */
  restore(): void
}

/** Passes each new command to a function, which may put it into the queue. */
export function interceptCommands(
  connection: RawConnection,
  onCommand: (command: Command, queue: CommandQueue) => void,
): CommandQueue {
  const { addCommand } = connection
  const queue: CommandQueue = {
    add: (command) => addCommand.call(connection, command),
    restore: () => {
      connection.addCommand = addCommand
    },
  }
  connection.addCommand = (command) => {
    onCommand(command as unknown as Command, queue)
    return command
  }
  return queue
}

/** Takes the next command out of the queue. It has not been sent. */
export function takeQueued(connection: RawConnection): Command | undefined {
  return internals(connection)._commands.shift()
}

/** True while a command runs or waits on the connection. */
export function isBusy(connection: RawConnection): boolean {
  const { _command, _commands } = internals(connection)
  return Boolean(_command) || _commands.length > 0
}

/** True while the connection reads nothing from its socket. */
export function isPaused(connection: RawConnection): boolean {
  return internals(connection)._paused
}

/**
 * True while statements can be sent. Knex's mysql2 dialect makes the first four tests. The last one
 * sees the server's good-bye a moment before mysql2 does.
 */
export function isOpen(connection: RawConnection): boolean {
  const { _fatalError, _protocolError, _closing, stream } = internals(connection)
  return !_fatalError && !_protocolError && !_closing && !stream.destroyed && !stream.readableEnded
}

/** Why a connection ended, in mysql2's words if it has any. */
export function lossError(connection: RawConnection): Error {
  const { _fatalError, _protocolError } = internals(connection)
  const known = _fatalError ?? _protocolError
  if (known) return known
  const error = new Error('Connection lost: it was closed.')
  return Object.assign(error, { code: 'PROTOCOL_CONNECTION_LOST', fatal: true })
}

/** How long a server may take to answer a good-bye. */
const GOOD_BYE_MILLIS = 1_000

/** Ends an idle connection as the protocol wants it, and resolves once it is closed. */
export async function sayGoodBye(connection: RawConnection): Promise<void> {
  const { stream } = connection
  if (stream.destroyed) return
  const closed = new Promise<void>((resolve) => stream.once('close', () => resolve()))
  const timer = setTimeout(() => stream.destroy(), GOOD_BYE_MILLIS)
  connection.end()
  await closed
  clearTimeout(timer)
}

/** The first packet of an answer has this number. */
export const FIRST = 1

/** Begins a command: the next packet that is sent has number 0. */
export function beginCommand(connection: RawConnection): void {
  internals(connection)._resetSequenceId()
}

/** Sends whole packets and expects the first answer. Each packet is a command of its own. */
export function sendPackets(connection: RawConnection, bytes: Buffer): void {
  beginCommand(connection)
  internals(connection).write(bytes)
  expectAnswer(connection, FIRST)
}

/** Tells mysql2 which number the next packet of the server has. */
export function expectAnswer(connection: RawConnection, sequenceId: number): void {
  internals(connection).sequenceId = sequenceId
}

/** The number that mysql2 expects the next packet of the server to have. */
export function expectedSequenceId(connection: RawConnection): number {
  return internals(connection).sequenceId
}

/** True if the packets of both sides are compressed. */
export function isCompressed(connection: RawConnection): boolean {
  return internals(connection).config.compress
}

/** True if a query's packet must have a list of query attributes. */
export function takesQueryAttributes(connection: RawConnection): boolean {
  const { config, serverCapabilityFlags } = internals(connection)
  return (config.clientFlags & serverCapabilityFlags & CAPABILITY.queryAttributes) !== 0
}

/** Reads an ERR. */
export function errorIn(packet: Packet, connection: RawConnection): Error {
  return packet.asError(internals(connection).clientEncoding)
}

/** The character set that mysql2 encodes statements in, by its number. */
export function charsetNumberOf(connection: RawConnection): number {
  return internals(connection).config.charsetNumber
}

/** Sets the character set that mysql2 encodes statements in. */
export function setCharsetNumber(connection: RawConnection, charsetNumber: number): void {
  internals(connection).config.charsetNumber = charsetNumber
}

/** Names the current database to OpenTelemetry and to mysql2's own tracing. mysql2 uses it at login only. */
export function nameDatabase(connection: RawConnection, database: string): void {
  connection.config.database = database
}

/**
 * Forgets all prepared statements, which a reset has removed at the server. They must not be closed
 * one by one: the ids in those messages no longer mean anything.
 */
export function forgetStatements(connection: RawConnection): void {
  const { _statements } = internals(connection)
  if (_statements.size === 0) return // clear() costs 46 us even when empty
  for (const statement of _statements.values()) statement.close = () => undefined
  _statements.clear()
}

function internals(connection: RawConnection): Internals {
  return connection as unknown as Internals
}
