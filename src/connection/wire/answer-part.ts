import type { Command, Packet } from './driver-types.ts'
import { isErr, isOk } from './packets.ts'

/**
 * Which part of an answer a packet is. `other`: nothing that tells of the session, or an answer to a
 * command that is no statement.
 */
export type AnswerPart = 'error' | 'ok' | 'column' | 'columns-end' | 'row' | 'rows-end' | 'other'

/** Says which part of a command's answer a packet is, before mysql2 reads it. */
export function answerPart(command: Command, packet: Packet): AnswerPart {
  if (isErr(packet)) return 'error'
  const { next } = command
  if (command.resultsetHeader === undefined) return 'other'
  if (next === command.row) return packet.isEOF() ? 'rows-end' : 'row'
  if (next === command.readField) return 'column'
  if (next === command.fieldsEOF) return 'columns-end'
  if (next !== command.resultsetHeader && next !== command.infileOk) return 'other'
  return isOk(packet) ? 'ok' : 'other'
}
