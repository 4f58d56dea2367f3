import type { ConnectionOptions } from 'mysql2'
import type { ResolvedConnection } from '../options.ts'

/**
 * The settings that connections are made with: asked for once for all who need them at a time, and
 * again when they have expired or could not be had.
 */
export class SettingsSource {
  readonly #ask: () => Promise<ResolvedConnection>
  #answer: Promise<ResolvedConnection> | undefined

  constructor(ask: () => Promise<ResolvedConnection>) {
    this.#ask = ask
  }

  /** The present settings. Rejects as the user's function does. */
  async current(): Promise<ConnectionOptions> {
    const known = this.#answer
    if (known && (await known.then(isCurrent, () => false))) return (await known).options
    if (this.#answer === known) this.#answer = this.#ask()
    return (await (this.#answer as Promise<ResolvedConnection>)).options
  }
}

function isCurrent({ isExpired }: ResolvedConnection): boolean {
  return !isExpired()
}
