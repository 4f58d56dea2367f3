/*
 * The part of mysql2 that its types do not show. Everything here was read in mysql2 3.24.6 and is
 * reached through public objects (a connection, a command); nothing is imported from inside the
 * package. There is no public way to see a command start, or a server's answer before it is
 * parsed, and the gate needs both.
 */
import type { EventEmitter } from 'node:events'
import mysql, { type Connection } from 'mysql2'

/** One packet of the server's (lib/packets/packet.js). Reading must not move `offset`. */
export interface Packet {
  readonly buffer: Buffer
  readonly offset: number
  readonly end: number
  /** Its number within the answer, from 1 up. */
  readonly sequenceId: number
  isEOF(): boolean
  eofStatusFlags(): number
  eofWarningCount(): number
  /** The same bytes behind another object. */
  clone(): Packet
  asError(encoding: string): Error
}

/**
 * The least that mysql2 asks of a command. It calls `execute` without a packet when the command
 * starts, and then with each packet until it returns true.
 */
export interface WireCommand {
  execute(packet: Packet | undefined, connection: RawConnection): boolean
  onResult?: ((error: Error | null, ...rest: unknown[]) => void) | undefined
  stateName?(): string
}

/** One of mysql2's own commands (lib/commands/command.js). */
export interface Command extends WireCommand {
  /** SQL of a Query or an Execute. */
  readonly sql?: string
  /** The state that handles the next packet: one of the functions below, by identity. */
  readonly next?: unknown
  readonly resultsetHeader?: unknown
  readonly infileOk?: unknown
  readonly readField?: unknown
  readonly fieldsEOF?: unknown
  /** Of a Query or an Execute that has started. */
  readonly options?: { readonly typeCast?: unknown }
  readonly row?: unknown
  /** Of a Query: its time limit in milliseconds, and the timer, once it has started. */
  readonly timeout?: number | undefined
  readonly queryTimeout?: NodeJS.Timeout | null
  /** Of a Query or an Execute that has started: what its stream pauses and resumes. */
  _connection?: object | null
  /** Of a LOAD DATA LOCAL that has been asked for its file. */
  readonly _localStream?: LocalFile | null
  readonly _unpipeStream?: () => void
  emit(event: 'error' | 'end', error?: Error): boolean
  listenerCount(event: 'error' | 'fields'): number
}

/** The stream of a file that the server asks for. */
interface LocalFile extends EventEmitter {
  destroy?(): unknown
}

/** A prepared statement, as `prepare` hands it out (lib/commands/prepare.js). */
export interface PreparedStatement {
  close(): unknown
}

/** A connection with the internals that the gate works with (lib/base/connection.js). */
export interface RawConnection extends Connection {
  readonly stream: import('node:net').Socket
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
  config: Connection['config'] & {
    charsetNumber: number
    readonly clientFlags: number
    readonly compress: boolean
  }
  addCommand<C extends WireCommand>(command: C): C
  write(bytes: Buffer): void
  _resetSequenceId(): void
}

type CreateQuery = (sql: unknown, values: unknown, callback: unknown, config: object) => Command

const { createQuery } = mysql as unknown as { createQuery: CreateQuery }

/** mysql2's own handling of a packet, shared by every command that carries SQL. */
export const executeCommand: Command['execute'] = createQuery('', undefined, undefined, {}).execute

const QUERY = Object.getPrototypeOf(createQuery('', undefined, undefined, {}))

/** True for a statement that is sent as text, with a callback or as a stream. */
export function isTextQuery(command: Command): boolean {
  return Object.getPrototypeOf(command) === QUERY
}

/**
 * Options of each query of our own, which the user's do not change. A `typeCast` of the query itself is
 * the one option that mysql2 puts before all others when it reads a value.
 */
const OWN_OPTIONS = {
  rowsAsArray: true,
  nestTables: false,
  typeCast: (field: { string(): string | null }) => field.string(),
}

/** A text query of our own. It is answered with columns by their position, each as text or null. */
export function ownQuery(
  sql: string,
  onResult: (error: Error | null, rows?: unknown) => void,
): Command {
  return createQuery({ sql, ...OWN_OPTIONS }, undefined, onResult, {})
}

/** Ends the time limit that a command was given: it is not to be told of that as well. */
function stopTimeout({ queryTimeout }: Command): void {
  clearTimeout(queryTimeout ?? undefined)
}

/** True for a command that was sent and whose own time limit has passed: its caller has been told. */
function hasTimedOut({ timeout, queryTimeout, _connection }: Command): boolean {
  return Boolean(timeout && _connection && !queryTimeout)
}

/** A command that is never sent: it only carries an error to its caller. */
export function unsentCommand(args: readonly unknown[]): Command {
  const callback = args.find((argument) => typeof argument === 'function')
  return createQuery('', undefined, callback, {})
}

/**
 * Fails a command as mysql2 would have; one that nobody listens to must not end the process, and an
 * Execute whose Prepare failed has told its caller already.
 */
export function failCommand(command: Command, error: Error): void {
  if (hasFailedPrepare(command) || hasTimedOut(command)) return
  stopTimeout(command)
  if (command.onResult) command.onResult(error)
  else if (command.listenerCount('error') > 0) command.emit('error', error)
  command.emit('end')
}

/**
 * Gives a command that has started another object to pause and resume: its stream keeps that for
 * ever, long after the connection has gone to the next tenant.
 */
export function steerStream(command: Command, through: object): void {
  if (command._connection) command._connection = through
}

/**
 * Takes a file's stream off the connection when its command has ended. mysql2 does so only after success.
 * After an error it would go on to send what the stream gives, in the next tenant's session, too.
 */
export function endLocalFile({ _localStream: file, _unpipeStream: unpipe }: Command): void {
  if (!file) return
  unpipe?.()
  file.on('error', () => undefined)
  file.destroy?.()
}

/** True for an Execute whose Prepare failed: mysql2 gives it a `start` of its own, to send nothing. */
export function hasFailedPrepare(command: Command): boolean {
  return Object.hasOwn(command, 'start')
}

/**
 * True if user code is shown each row as it is read: by a `typeCast`. mysql2 takes the connection's,
 * too, if the statement's own is no function.
 */
export function hasTypeCast({ options }: Command, { config }: RawConnection): boolean {
  return typeof options?.typeCast === 'function' || typeof config.typeCast === 'function'
}

/** True while a command runs or waits on the connection. */
export function isBusy(connection: RawConnection): boolean {
  return Boolean(connection._command) || connection._commands.length > 0
}

/**
 * True while statements can be sent: the tests that Knex's mysql2 dialect makes, and that the server
 * has not said good-bye, which mysql2 notices a moment later.
 */
export function isOpen(connection: RawConnection): boolean {
  return (
    !connection._fatalError &&
    !connection._protocolError &&
    !connection._closing &&
    !connection.stream.destroyed &&
    !connection.stream.readableEnded
  )
}

/** Why a connection ended, in mysql2's words where it has any. */
export function lossError(connection: RawConnection): Error {
  const known = connection._fatalError ?? connection._protocolError
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

/**
 * Forgets all prepared statements, which a reset has removed at the server. They must not be closed
 * one by one: the ids in those messages no longer mean anything.
 */
export function forgetStatements(connection: RawConnection): void {
  if (connection._statements.size === 0) return // clear() costs 46 us even when empty
  for (const statement of connection._statements.values()) statement.close = () => undefined
  connection._statements.clear()
}

/** Name of a collation and of its character set, from mysql2's number of it. */
export function collationOf(charsetNumber: number): { charset: string; collation: string } {
  const names = Object.entries(mysql.Charsets)
    .filter(([, id]) => id === charsetNumber)
    .map(([name]) => name.toLowerCase())
  const collation = names.find((name) => name.includes('_')) ?? names[0] ?? 'utf8mb4_unicode_ci'
  return { charset: collation.split('_', 1)[0] ?? collation, collation }
}
