/*
 * The shapes of mysql2's connections, commands and packets, as far as this package uses them; read in
 * mysql2 3.24.6.
 */
import type { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import type { Connection } from 'mysql2'

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

/** A connection of mysql2's, as the other files see it. They do the rest through the functions below. */
export interface RawConnection
  extends Pick<
    Connection,
    | 'config'
    | 'connect'
    | 'end'
    | 'escape'
    | 'escapeId'
    | 'format'
    | 'on'
    | 'pause'
    | 'promise'
    | 'resume'
    | 'threadId'
  > {
  readonly stream: Socket
  addCommand<C extends WireCommand>(command: C): C
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
  /** Of an Execute: the statement that was prepared. */
  readonly statement?: unknown
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
