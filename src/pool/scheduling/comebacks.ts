/** The share of comebacks is a moving average over about so many take-overs. */
const WINDOW = 256

/**
 * Tells traffic that comes back from traffic that does not. A comeback is a take-over by a tenant that
 * has lost a connection lately: a wider pool would have kept it. Caches keep such a list of evicted
 * keys to learn what more room would bring.
 * [ARC](https://www.usenix.org/conference/fast-03/arc-self-tuning-low-overhead-replacement-cache) calls
 * it a ghost list.
 */
export class Comebacks {
  /** The tenants whose connections were taken over last, in a ring with room for `size`. */
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

  /** The part of the last take-overs that were comebacks: 0 to 1. */
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
