import type { Command, Packet } from './driver.ts'
import type { Lease } from './lease.ts'
import type { Prologue } from './prologue.ts'

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
  /** The switch that goes before the command, while it runs. */
  prologue: Prologue | undefined
}

const ENTRY = Symbol('tenant-knex.entry')

type GatedCommand = Command & { [ENTRY]: Entry }

/** Puts a gate before a command: mysql2 asks the command to go on, and the command asks the gate. */
export function putBehindGate(command: Command, gate: CommandGate, lease: Lease | undefined): void {
  const entry: Entry = { gate, lease, prologue: undefined }
  Object.assign(command, { [ENTRY]: entry, execute: executeGated })
}

/** Stands in for `execute` on every gated command. mysql2 passes no packet at the start only. */
function executeGated(this: GatedCommand, packet: Packet | undefined): boolean {
  const entry = this[ENTRY]
  return packet === undefined
    ? entry.gate.start(this, entry)
    : entry.gate.answer(this, entry, packet)
}
