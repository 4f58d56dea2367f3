/** After so many failures in a row nothing is tried for a while. */
const FAILURES = 5

/** How long nothing is tried then, in milliseconds. */
const OPEN_MILLIS = 1_000

/**
 * Keeps calls away from a store that does not answer. When its time is up one call may try: if that
 * succeeds all may again, else the time begins anew. Without clock and I/O: it is told what happens,
 * and the time of a clock that is never set back.
 */
export class Breaker {
  #failures = 0
  #openUntil = 0

  /** True while nothing is to be tried. */
  isOpen(now: number): boolean {
    return now < this.#openUntil
  }

  /** Says whether a call may try. The one that tries after a pause keeps the others waiting. */
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
