import type { Outcome } from '../../base/errors.ts'
import type { Packet } from './driver-types.ts'
import { isErr, isOk, readColumnCount, readOk, STATUS } from './packets.ts'

/** The end of an answer, with its status bits; an error has none. */
export interface AnswerEnd {
  readonly outcome: Exclude<Outcome, 'not-sent'>
  readonly status: number | undefined
  /** True if the statement has left its database, or may have. */
  readonly hasLeft: boolean
}

/**
 * Reads the answer to a statement that ran behind a failed switch. It keeps nothing but the end: no caller
 * may have the rows, nor their columns.
 * https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_com_query_response.html
 */
export class SkippedAnswer {
  #columns = 0
  #hasLeft = false
  #part: 'header' | 'columns' | 'rows' = 'header'

  /** Takes the next packet. Returns the end with the last one. */
  read(packet: Packet): AnswerEnd | undefined {
    if (isErr(packet)) return { outcome: 'failed', status: undefined, hasLeft: false }
    switch (this.#part) {
      case 'header':
        return this.#readHeader(packet)
      case 'columns':
        if (this.#columns-- === 0) this.#part = 'rows' // an EOF comes after the last one
        return undefined
      case 'rows':
        return packet.isEOF() ? this.#endOfResult(packet.eofStatusFlags()) : undefined
    }
  }

  #readHeader(packet: Packet): AnswerEnd | undefined {
    if (isOk(packet)) {
      const { status, database } = readOk(packet, true)
      this.#hasLeft ||= database !== undefined
      return this.#endOfResult(status)
    }
    const columns = readColumnCount(packet)
    // The server asks for a local file, and waits.
    if (columns === undefined) return { outcome: 'unknown', status: undefined, hasLeft: false }
    this.#columns = columns
    this.#part = 'columns'
    return undefined
  }

  #endOfResult(status: number): AnswerEnd | undefined {
    this.#part = 'header'
    if ((status & STATUS.moreResults) !== 0) return undefined
    return { outcome: 'executed', status, hasLeft: this.#hasLeft }
  }
}
