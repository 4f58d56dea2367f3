import { AsyncResource } from 'node:async_hooks'
import { answerPart } from './answer-meaning.ts'
import { type Command, failCommand, type Packet } from './driver.ts'
import { type Lease, type StatementNature, UNKNOWN_STATEMENT } from './lease.ts'
import type { Prologue } from './prologue.ts'
import type { SkippedAnswer } from './skipped-answer.ts'

/** Who is asked when a command starts and at each answer to it. True: the command has ended. */
export interface CommandGate {
  start(command: Command, entry: Entry): boolean
  answer(command: Command, entry: Entry, packet: Packet): boolean
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

type GatedCommand = Command & { [ENTRY]: Entry }

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
  Object.assign(command, { [ENTRY]: entry, execute: executeGated })
}

/** Stands in for `execute` on every gated command. mysql2 passes no packet at the start only. */
function executeGated(this: GatedCommand, packet: Packet | undefined): boolean {
  const entry = this[ENTRY]
  // By far the most packets are rows, of which nobody is told before the end.
  if (packet !== undefined && !entry.showsRows && answerPart(this, packet) === 'row') {
    return entry.gate.answer(this, entry, packet)
  }
  return entry.scope.runInAsyncScope(proceed, undefined, this, entry, packet)
}

function proceed(command: Command, entry: Entry, packet: Packet | undefined): boolean {
  return packet === undefined
    ? entry.gate.start(command, entry)
    : entry.gate.answer(command, entry, packet)
}

/** Fails a command that its gate has admitted, in the scope of its caller. */
export function failInScope(command: Command, error: Error): void {
  const { scope } = (command as GatedCommand)[ENTRY]
  scope.runInAsyncScope(failCommand, undefined, command, error)
}
