import type { ConnectionOptions } from 'mysql2'
import type { ResolvedConnection, ResolvedOptions } from '../options.ts'

/**
 * The settings that connections are made with: asked for once for all who need them at a time, and
 * again when they have expired or could not be had.
 */
export class SettingsSource {
  readonly #ask: () => Promise<ResolvedConnection>
  #answer: Promise<ResolvedConnection> | undefined

  #latest: ConnectionOptions | undefined

  constructor({ connect, fixed }: Pick<ResolvedOptions, 'connect' | 'fixed'>) {
    this.#ask = connect
    this.#latest = fixed?.options
  }

  /** The settings as far as they are known; undefined before the user's function has answered. */
  get latest(): ConnectionOptions | undefined {
    return this.#latest
  }

  /** The present settings. Rejects as the user's function does. */
  async current(): Promise<ConnectionOptions> {
    const known = this.#answer
    if (known && (await known.then(isCurrent, () => false))) return (await known).options
    if (this.#answer === known) this.#answer = this.#ask()
    const { options } = await (this.#answer as Promise<ResolvedConnection>)
    this.#latest = options
    return options
  }
}

function isCurrent({ isExpired }: ResolvedConnection): boolean {
  return !isExpired()
}
