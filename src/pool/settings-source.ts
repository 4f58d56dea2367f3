import type { ConnectionOptions } from 'mysql2'
import type { ConnectionProvider, ResolvedConnection } from '../options/connection.ts'

/**
 * The settings that connections are made with: asked for once for all who need them at a time, and
 * again when they have expired or could not be had.
 */
export class SettingsSource {
  readonly #ask: () => Promise<ResolvedConnection>
  #answer: ResolvedConnection | undefined
  #asking: Promise<ResolvedConnection> | undefined
  #latest: ConnectionOptions | undefined

  constructor({ connect, fixed }: ConnectionProvider) {
    this.#ask = connect
    this.#answer = fixed
    this.#latest = fixed?.options
  }

  /** The settings as far as they are known; undefined before the user's function has answered. */
  get latest(): ConnectionOptions | undefined {
    return this.#latest
  }

  /** The present settings. Rejects as the user's function does. */
  async current(): Promise<ConnectionOptions> {
    if (this.#answer && !this.#answer.isExpired()) return this.#answer.options
    this.#answer = undefined // what it says of itself may change while it is asked for again
    this.#asking ??= this.#ask()
    const asking = this.#asking
    try {
      this.#answer = await asking
      this.#latest = this.#answer.options
      return this.#latest
    } finally {
      if (this.#asking === asking) this.#asking = undefined
    }
  }

  /** Waits no longer for an answer that does not come: whoever is next asks again. */
  giveUp(): void {
    this.#asking = undefined
  }
}
