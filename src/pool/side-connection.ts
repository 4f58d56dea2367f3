import type { KillTarget } from '../connection/kill.ts'

/** Ends statements at the server. Gives what became of each, in their order. */
export type KillAll = (
  targets: readonly KillTarget[],
) => Promise<readonly PromiseSettledResult<void>[]>

interface PendingKill {
  readonly target: KillTarget
  readonly settle: (result: PromiseSettledResult<void>) => void
}

/**
 * The one connection that a server may see of us beside the pool: made when needed, for one purpose
 * at a time. Statements that are to be ended while it is busy are ended together.
 */
export class SideConnection {
  readonly #killAll: KillAll
  #kills: PendingKill[] = []
  #last: Promise<unknown> = Promise.resolve()

  constructor(killAll: KillAll) {
    this.#killAll = killAll
  }

  /** Runs what needs a connection of its own, when it is its turn. */
  run<T>(fn: () => Promise<T>): Promise<T> {
    const result = this.#last.then(fn)
    this.#last = result.catch(() => undefined)
    return result
  }

  /** Ends the statement that a connection is running. Rejects where the server refuses. */
  async kill(target: KillTarget): Promise<void> {
    const result = await new Promise<PromiseSettledResult<void>>((settle) => {
      this.#kills.push({ target, settle })
      if (this.#kills.length === 1) void this.run(() => this.#killWaiting())
    })
    if (result.status === 'rejected') throw result.reason
  }

  /** Resolves once nothing is under way. */
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
