import type { AnswerPart } from '../wire/answer-part.ts'
import type { Packet } from '../wire/driver-types.ts'
import { errnoOf, readOk, STATUS } from '../wire/packets.ts'
import type { SessionState } from './state.ts'

/**
 * The meaning of an answer for its connection.
 *
 * - `read-only`: the server may have lost its role; the connection is not kept.
 * - `left`: the statement left its tenant's database, or may have; its result must be withheld.
 */
export type Meaning = 'nothing' | 'read-only' | 'left'

/**
 * Learns from a part of an answer what it says about the session.
 *
 * @param isTracked true if the server names a new database in its OK
 * @param keepsRows false for a command that hands rows out as they come, to a stream or a `typeCast`.
 * The OK after the rows comes too late for it
 */
export function learnFrom(
  part: AnswerPart,
  packet: Packet,
  session: SessionState,
  isTracked: boolean,
  keepsRows: boolean,
): Meaning {
  switch (part) {
    case 'error':
      session.onError()
      return isReadOnly(errnoOf(packet)) ? 'read-only' : 'nothing'
    case 'ok':
      return learnFromOk(packet, session, isTracked)
    case 'rows-end':
      learnFromEnd(packet, session)
      return 'nothing'
    case 'columns-end':
      return !keepsRows && mayHaveLeft(packet.eofStatusFlags()) ? 'left' : 'nothing'
    default:
      return 'nothing'
  }
}

function learnFromEnd(packet: Packet, session: SessionState): void {
  const status = packet.eofStatusFlags()
  session.onStatus(status)
  const hasChanged = (status & STATUS.sessionChanged) !== 0
  if (packet.eofWarningCount() !== 0) session.onTrace()
  if (hasChanged) session.onChange()
}

/**
 * Learns from an OK. If it names a database, the statement has left its tenant's; even if it names that
 * one, the statement may have left and come back. An empty name: the database is gone.
 */
function learnFromOk(packet: Packet, session: SessionState, isTracked: boolean): Meaning {
  const { status, leavesTrace, isChanged, database } = readOk(packet, isTracked)
  session.onStatus(status)
  if (leavesTrace) session.onTrace()
  if (isChanged) session.onChange()
  if (database === undefined) return 'nothing'
  session.onDatabaseLost()
  return database === '' ? 'nothing' : 'left'
}

/** The server runs with --read-only (1290), or is in read-only mode (1836). */
export function isReadOnly(errno: number): boolean {
  return errno === 1290 || errno === 1836
}

/** MariaDB's mark at the end of the column definitions of a block that has changed the session. */
const CHANGED_BEFORE_ROWS = STATUS.sessionChanged | STATUS.moreResults

function mayHaveLeft(status: number): boolean {
  return (status & CHANGED_BEFORE_ROWS) === CHANGED_BEFORE_ROWS
}
