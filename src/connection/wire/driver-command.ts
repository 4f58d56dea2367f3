/*
 * The part of mysql2's commands that its types do not show (lib/commands/), read in mysql2 3.24.6.
 */
import type { EventEmitter } from 'node:events'
import mysql from 'mysql2'
import type { Packet, RawConnection } from './driver.ts'

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
  /** Of a Query or an Execute that has started: its stream pauses and resumes this object. */
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
 * Options of each query of our own. The user's options do not change them. When mysql2 reads a value, a
 * `typeCast` of the query itself goes before all other options.
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

/** Ends a command's own time limit, so that its caller does not hear of that as well. */
function stopTimeout({ queryTimeout }: Command): void {
  clearTimeout(queryTimeout ?? undefined)
}

/** True for a command that was sent and whose own time limit has passed. Its caller knows by now. */
function hasTimedOut({ timeout, queryTimeout, _connection }: Command): boolean {
  return Boolean(timeout && _connection && !queryTimeout)
}

/** A command that is never sent: it only carries an error to its caller. */
export function unsentCommand(args: readonly unknown[]): Command {
  const callback = args.find((argument) => typeof argument === 'function')
  return createQuery('', undefined, callback, {})
}

/**
 * Fails a command as mysql2 would. A command without a listener must not end the process. An Execute
 * whose Prepare failed has told its caller already.
 */
export function failCommand(command: Command, error: Error): void {
  if (hasFailedPrepare(command) || hasTimedOut(command)) return
  stopTimeout(command)
  if (command.onResult) command.onResult(error)
  else if (command.listenerCount('error') > 0) command.emit('error', error)
  command.emit('end')
}

/** Fails a command in a later turn, as mysql2 does: its caller may still have to add listeners. */
export function failLater(command: Command, error: Error): Command {
  process.nextTick(failCommand, command, error)
  return command
}

/**
 * Gives a command that has started another object to pause and resume. Its stream keeps that object for
 * ever, long after the connection has gone to the next tenant.
 */
export function steerStream(command: Command, through: object): void {
  if (command._connection) command._connection = through
}

/**
 * Takes a file's stream off the connection when its command has ended. mysql2 does so after success only.
 * After an error it would go on to send the file, even in the next tenant's session.
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
 * True if a `typeCast` sees each row as it is read. mysql2 takes the connection's if the statement's own
 * is no function.
 */
export function hasTypeCast({ options }: Command, { config }: RawConnection): boolean {
  return typeof options?.typeCast === 'function' || typeof config.typeCast === 'function'
}
