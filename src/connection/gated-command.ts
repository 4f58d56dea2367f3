import { AsyncResource } from 'node:async_hooks'
import type { Sender } from './sender.ts'
import type { Prologue } from './switch/prologue.ts'
import { type AnswerPart, answerPart } from './wire/answer-part.ts'
import { failCommand } from './wire/driver-command.ts'
import type { Command, Packet } from './wire/driver-types.ts'

/** Decides when a command starts, and at each answer to it. True: the command has ended. */
export interface CommandGate {
  start(command: Command, passage: Passage): boolean
  answer(command: Command, passage: Passage, packet: Packet, part: AnswerPart): boolean
}

/** The passage of one command through a gate, from its call to the end of its answer. */
export interface Passage {
  readonly gate: CommandGate
  /** Undefined for a command that came through no lease. */
  readonly sender: Sender | undefined
  /** The scope of the call. The caller hears of the command in this scope, not in the socket's. */
  readonly scope: AsyncResource
  /** True if user code gets rows before the answer's end: by a stream or a `typeCast`. */
  showsRows: boolean
  /** The switch that goes before the command, while it runs. */
  prologue: Prologue | undefined
}

const PASSAGE = Symbol('tenant-knex.passage')

type GatedCommand = Omit<Command, 'execute'> & { [PASSAGE]: Passage; execute: typeof executeGated }

/** Puts a gate before a command: mysql2 asks the command to go on, and the command asks the gate. */
export function putBehindGate(
  command: Command,
  gate: CommandGate,
  sender: Sender | undefined,
): void {
  const scope = new AsyncResource('TENANT_KNEX_COMMAND')
  const { onResult } = command
  // mysql2 itself calls it when the connection is lost, in the scope of the code that closed or wrote.
  if (onResult) {
    command.onResult = (...args) => scope.runInAsyncScope(onResult, command, ...args)
  }
  const gated = command as GatedCommand
  gated[PASSAGE] = { gate, sender, scope, showsRows: true, prologue: undefined }
  gated.execute = executeGated
}

/** Stands in for `execute` on every gated command. mysql2 passes no packet at the start only. */
function executeGated(this: GatedCommand, packet: Packet | undefined): boolean {
  const passage = this[PASSAGE]
  const { gate, scope } = passage
  if (packet === undefined) return scope.runInAsyncScope(start, undefined, this, passage)
  const part = answerPart(this, packet)
  return isUnheard(this, passage, part)
    ? gate.answer(this, passage, packet, part)
    : scope.runInAsyncScope(answer, undefined, this, passage, packet, part)
}

/** True for most packets: columns and rows, if the caller hears nothing before the answer's end. */
function isUnheard(command: Command, { showsRows }: Passage, part: AnswerPart): boolean {
  if (showsRows) return false
  if (part === 'column') return command.listenerCount('fields') === 0
  return part === 'row' || part === 'columns-end'
}

function start(command: Command, passage: Passage): boolean {
  return passage.gate.start(command, passage)
}

function answer(command: Command, passage: Passage, packet: Packet, part: AnswerPart): boolean {
  return passage.gate.answer(command, passage, packet, part)
}

/** Fails a gated command, in the scope of its caller. */
export function failInScope(command: Command, error: Error): void {
  const { scope } = (command as GatedCommand)[PASSAGE]
  scope.runInAsyncScope(failCommand, undefined, command, error)
}

/**
 * The commands of a connection that have no callback, as streams have none: mysql2 does not tell
 * them when their connection ends.
 */
export class UntoldCommands {
  readonly #commands = new Set<Command>()

  /** Remembers a command, if it has no callback. */
  add(command: Command): void {
    if (command.onResult === undefined) this.#commands.add(command)
  }

  has(command: Command): boolean {
    return this.#commands.has(command)
  }

  /** A command has ended, or is told by other means. True if it was one of these. */
  remove(command: Command): boolean {
    return this.#commands.delete(command)
  }

  /** The connection has ended: tells them all, in turns of their own. */
  failAll(error: Error): void {
    // Each on its own: if a listener of one throws, the others must still be told.
    for (const command of this.#commands) process.nextTick(failInScope, command, error)
    this.#commands.clear()
  }
}
