import type { ConnectionOptions } from 'mysql2'
import type { ConnectionProvider, ResolvedConnection } from '../options/connection.ts'

/**
 * The settings of connections. Calls at the same time share one answer of the user's function. The
 * function is asked again when its answer has expired, or if it has failed.
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
    this.#answer = undefined // its `isExpired` may change while the function is asked again
    this.#asking ??= this.#ask()
    const asking = this.#asking
    try {
      const answer = await asking
      if (this.#asking === asking) this.#keep(answer) // one that was given up may be older than the present one
      return answer.options
    } finally {
      if (this.#asking === asking) this.#asking = undefined
    }
  }

  /** Gives up an answer that does not come. The next call asks again. */
  giveUp(): void {
    this.#asking = undefined
  }

  #keep(answer: ResolvedConnection): void {
    this.#answer = answer
    this.#latest = answer.options
  }
}
