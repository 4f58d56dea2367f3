/** After so many failures in a row the breaker opens. */
const FAILURES = 5

/** How long the breaker stays open, in milliseconds. */
const OPEN_MILLIS = 1_000

/**
 * Keeps calls away from a store that does not answer. After a pause one call may try. If it succeeds,
 * all calls may run again. If it fails, the pause starts again. The breaker has no clock and no I/O:
 * the caller passes the results, and the time of a monotonic clock.
 */
export class Breaker {
  #failures = 0
  #openUntil = 0

  /** True while no call may run. */
  isOpen(now: number): boolean {
    return now < this.#openUntil
  }

  /** Says whether a call may run. The first call after a pause starts a new pause for all others. */
  admit(now: number): boolean {
    if (this.isOpen(now)) return false
    if (this.#failures >= FAILURES) this.#openUntil = now + OPEN_MILLIS
    return true
  }

  succeed(): void {
    this.#failures = 0
    this.#openUntil = 0
  }

  fail(now: number): void {
    this.#failures++
    if (this.#failures >= FAILURES) this.#openUntil = now + OPEN_MILLIS
  }
}
