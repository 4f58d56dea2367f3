import { EventEmitter } from 'node:events'
import type { RawConnection } from './wire/driver-types.ts'

/** A callback without a result. */
export type DoneCallback = (error: Error | null) => void
type Listener = (...args: unknown[]) => void

/**
 * The part of mysql2's interface that follows from a few methods: what can be said with a query, the
 * other names of a method, and events. Its listeners are the holder's own, not the connection's.
 */
export abstract class ConnectionFacade {
  #events: EventEmitter | undefined

  /** True once the connection has been taken back. */
  abstract get isOver(): boolean
  abstract query(...args: unknown[]): unknown
  /** Closes the connection at once. */
  abstract destroy(): void

  beginTransaction(callback?: DoneCallback): unknown {
    return this.query('START TRANSACTION', callback)
  }

  commit(callback?: DoneCallback): unknown {
    return this.query('COMMIT', callback)
  }

  rollback(callback?: DoneCallback): unknown {
    return this.query('ROLLBACK', callback)
  }

  /** mysql2's other name for `destroy`. */
  close(): void {
    this.destroy()
  }

  /** Does the same as `destroy`. Only the pool says good-bye to a server. */
  end(callback?: DoneCallback): void {
    this.destroy()
    if (callback) process.nextTick(callback, null)
  }

  on(event: string, listener: Listener): this {
    if (!this.isOver) this.#emitter().on(event, listener)
    return this
  }

  once(event: string, listener: Listener): this {
    if (!this.isOver) this.#emitter().once(event, listener)
    return this
  }

  removeListener(event: string, listener: Listener): this {
    this.#events?.removeListener(event, listener)
    return this
  }

  off(event: string, listener: Listener): this {
    return this.removeListener(event, listener)
  }

  /** Tells the listeners that the connection was lost. */
  tellLost(error: Error): void {
    if (this.#events && this.#events.listenerCount('error') > 0) this.#events.emit('error', error)
    this.#events?.emit('end')
  }

  forgetListeners(): void {
    this.#events = undefined
  }

  #emitter(): EventEmitter {
    this.#events ??= new EventEmitter()
    return this.#events
  }
}

/** Methods that mysql2's promise flavour has as they are (lib/promise/connection.js). */
const SYNCHRONOUS = [
  'close',
  'destroy',
  'escape',
  'escapeId',
  'format',
  'pause',
  'resume',
  'unprepare',
] as const

/** Makes mysql2's promise flavour of a connection that stands in for a raw one. */
export function promiseFlavour(
  connection: { [method in (typeof SYNCHRONOUS)[number]]: (...args: never[]) => unknown },
  raw: RawConnection,
): unknown {
  const promised = raw.promise.call(connection as never)
  // By itself it would call these methods of mysql2's, with the connection as `this`.
  for (const method of SYNCHRONOUS) {
    const value = (...args: unknown[]) => (connection[method] as Listener)(...args)
    Object.defineProperty(promised, method, { value })
  }
  return promised
}
