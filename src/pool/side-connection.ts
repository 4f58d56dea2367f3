import type { KillTarget } from '../connection/kill.ts'

/** Ends statements at the server. Resolves with one result for each, in their order. */
export type KillAll = (
  targets: readonly KillTarget[],
) => Promise<readonly PromiseSettledResult<void>[]>

interface PendingKill {
  readonly target: KillTarget
  readonly settle: (result: PromiseSettledResult<void>) => void
}

/**
 * The one connection that the server may see beside the pool. It is made when it is needed, for one
 * purpose at a time. Kills that come while it is busy are sent together.
 */
export class SideConnection {
  readonly #killAll: KillAll
  #kills: PendingKill[] = []
  #last: Promise<unknown> = Promise.resolve()

  constructor(killAll: KillAll) {
    this.#killAll = killAll
  }

  /** Runs a function that needs a connection of its own, when its turn comes. */
  run<T>(fn: () => Promise<T>): Promise<T> {
    const result = this.#last.then(fn)
    this.#last = result.catch(() => undefined)
    return result
  }

  /** Ends the statement that a connection is running. Rejects if the server refuses. */
  async kill(target: KillTarget): Promise<void> {
    const result = await new Promise<PromiseSettledResult<void>>((settle) => {
      this.#kills.push({ target, settle })
      if (this.#kills.length === 1) void this.run(() => this.#killWaiting())
    })
    if (result.status === 'rejected') throw result.reason
  }

  /** Resolves when no work is under way. */
  async settled(): Promise<void> {
    await this.#last
  }

  async #killWaiting(): Promise<void> {
    const kills = this.#kills
    this.#kills = []
    const results = await this.#killAll(kills.map(({ target }) => target)).catch(
      (reason: unknown) => kills.map(() => ({ status: 'rejected', reason }) as const),
    )
    for (const [index, { settle }] of kills.entries()) {
      settle(results[index] as PromiseSettledResult<void>)
    }
  }
}
