/** Of about so many take-overs it is known how many were comebacks. */
const WINDOW = 256

/**
 * Tells traffic that comes back from traffic that does not. When a tenant takes over a connection that
 * was another's, and has itself lost one lately, a wider pool would have kept that one: a list of
 * evicted keys, as caches have it to learn what more room would bring.
 *
 * [ARC](https://www.usenix.org/conference/fast-03/arc-self-tuning-low-overhead-replacement-cache) calls
 * it a ghost list.
 */
export class Comebacks {
  /** Whose connections were taken over last, in a ring: as many as the pool has room for. */
  readonly #losers: string[] = []
  /** How often each is in there. */
  readonly #losses = new Map<string, number>()
  readonly #size: number
  #at = 0
  #share = 0

  /** @param size how many take-overs ago a loss still counts */
  constructor(size: number) {
    this.#size = size
  }

  /** Which part of the last take-overs were by tenants that had lost a connection lately: 0 to 1. */
  get share(): number {
    return this.#share
  }

  /** A tenant has taken over a connection that was another's. */
  onTakeOver(winner: string, loser: string): void {
    const isComeback = this.#losses.has(winner)
    this.#share += (Number(isComeback) - this.#share) / WINDOW
    this.#remember(loser)
  }

  #remember(loser: string): void {
    const forgotten = this.#losers[this.#at]
    if (forgotten !== undefined) this.#count(forgotten, -1)
    this.#losers[this.#at] = loser
    this.#count(loser, 1)
    this.#at = (this.#at + 1) % this.#size
  }

  #count(loser: string, change: 1 | -1): void {
    const losses = (this.#losses.get(loser) ?? 0) + change
    if (losses === 0) this.#losses.delete(loser)
    else this.#losses.set(loser, losses)
  }
}
