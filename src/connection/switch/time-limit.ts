import type { DiscardReason } from '../../base/diagnostics.ts'
import type { Outcome } from '../../base/errors.ts'
import type { Place } from '../../tenants/place.ts'
import { switchTimeoutError } from './errors.ts'

/** The connection that a time limit ends. */
interface Limited {
  readonly connectionId: number
  destroy(reason: DiscardReason, error: Error): void
}

/**
 * The time that a switch of a connection may take, one switch at a time. Then the connection is
 * destroyed and never used again: a `USE` can hang behind a waiting `DROP DATABASE`, and still happen
 * after we gave up on it.
 */
export class SwitchTimeLimit {
  readonly #connection: Limited
  readonly #millis: number
  #timer: NodeJS.Timeout | undefined

  constructor(connection: Limited, millis: number) {
    this.#connection = connection
    this.#millis = millis
  }

  /**
   * A switch starts.
   *
   * @param reason why the connection is destroyed if the switch takes too long
   * @param outcome what became of the statement in that case
   */
  start(place: Place | undefined, reason: DiscardReason, outcome: Outcome): void {
    const timer = setTimeout(() => {
      // If this process was busy all that time, the answer may be there and only has to be read.
      setImmediate(() => this.#timer === timer && this.#destroy(place, reason, outcome))
    }, this.#millis)
    this.#timer = timer
  }

  /** The switch has ended. */
  end(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #destroy(place: Place | undefined, reason: DiscardReason, outcome: Outcome): void {
    const { connectionId } = this.#connection
    const error = switchTimeoutError(place, connectionId, this.#millis, outcome)
    this.#connection.destroy(reason, error)
  }
}
