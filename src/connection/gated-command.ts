import { AsyncResource } from 'node:async_hooks'
import { type Lease, type StatementNature, UNKNOWN_STATEMENT } from './lease.ts'
import { type AnswerPart, answerPart } from './session/answer-meaning.ts'
import type { Prologue } from './switch/prologue.ts'
import { type Command, failCommand, type Packet } from './wire/driver.ts'
import type { SkippedAnswer } from './wire/skipped-answer.ts'

/** Who is asked when a command starts and at each answer to it. True: the command has ended. */
export interface CommandGate {
  start(command: Command, entry: Entry): boolean
  answer(command: Command, entry: Entry, packet: Packet, part: AnswerPart): boolean
}

/** A command on its way through a gate. */
export interface Entry {
  readonly gate: CommandGate
  /** The lease that the command came through. */
  readonly lease: Lease | undefined
  /** Where it was called: what it tells its caller, it tells there, not in the socket's scope. */
  readonly scope: AsyncResource
  /** True where user code is given rows before the answer's end: by a stream or a `typeCast`. */
  showsRows: boolean
  /** What Knex has said of it. */
  readonly nature: StatementNature
  /** The switch that goes before the command, while it runs. */
  prologue: Prologue | undefined
  /** The command's own answer, where its switch has failed. */
  skipped: SkippedAnswer | undefined
}

const ENTRY = Symbol('tenant-knex.entry')

type GatedCommand = Omit<Command, 'execute'> & { [ENTRY]: Entry; execute: typeof executeGated }

/** Puts a gate before a command: mysql2 asks the command to go on, and the command asks the gate. */
export function putBehindGate(command: Command, gate: CommandGate, lease: Lease | undefined): void {
  const scope = new AsyncResource('TENANT_KNEX_COMMAND')
  const entry: Entry = {
    gate,
    lease,
    scope,
    showsRows: true,
    nature: lease?.nature ?? UNKNOWN_STATEMENT,
    prologue: undefined,
    skipped: undefined,
  }
  const { onResult } = command
  // mysql2 calls it by itself when the connection is lost, in the scope of whoever closed or wrote.
  if (onResult) {
    command.onResult = (...args) => scope.runInAsyncScope(onResult, command, ...args)
  }
  const gated = command as GatedCommand
  gated[ENTRY] = entry
  gated.execute = executeGated
}

/** Stands in for `execute` on every gated command. mysql2 passes no packet at the start only. */
function executeGated(this: GatedCommand, packet: Packet | undefined): boolean {
  const entry = this[ENTRY]
  const { gate, scope } = entry
  if (packet === undefined) return scope.runInAsyncScope(start, undefined, this, entry)
  const part = answerPart(this, packet)
  return isUntold(this, entry, part)
    ? gate.answer(this, entry, packet, part)
    : scope.runInAsyncScope(answer, undefined, this, entry, packet, part)
}

/** By far the most packets are columns and rows, of which nobody is told before the end. */
function isUntold(command: Command, { showsRows }: Entry, part: AnswerPart): boolean {
  if (showsRows) return false
  if (part === 'column') return command.listenerCount('fields') === 0
  return part === 'row' || part === 'columns-end'
}

function start(command: Command, entry: Entry): boolean {
  return entry.gate.start(command, entry)
}

function answer(command: Command, entry: Entry, packet: Packet, part: AnswerPart): boolean {
  return entry.gate.answer(command, entry, packet, part)
}

/** Fails a command that its gate has admitted, in the scope of its caller. */
export function failInScope(command: Command, error: Error): void {
  const { scope } = (command as GatedCommand)[ENTRY]
  scope.runInAsyncScope(failCommand, undefined, command, error)
}
