/*
 * The part of mysql2's commands that its types do not show (lib/commands/), read in mysql2 3.24.6.
 */
import mysql from 'mysql2'
import type { Command, RawConnection } from './driver-types.ts'

type CreateQuery = (sql: unknown, values: unknown, callback: unknown, config: object) => Command

const { createQuery } = mysql as unknown as { createQuery: CreateQuery }

/** mysql2's own handling of a packet, shared by every command that carries SQL. */
export const executeCommand: Command['execute'] = createQuery('', undefined, undefined, {}).execute

const QUERY = Object.getPrototypeOf(createQuery('', undefined, undefined, {}))

/** True for a statement that is sent as text, with a callback or as a stream. */
export function isTextQuery(command: Command): boolean {
  return Object.getPrototypeOf(command) === QUERY
}

/** False for a command that is none, such as a ping. A prepared statement is executed without its text. */
export function isStatement({ sql, statement }: Command): boolean {
  return sql !== undefined || statement !== undefined
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
