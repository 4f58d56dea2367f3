/** The time that a switch may take; one at a time. */
export class SwitchLimit {
  readonly #millis: number
  #timer: NodeJS.Timeout | undefined

  constructor(millis: number) {
    this.#millis = millis
  }

  /** Starts the time of a switch. */
  start(giveUp: () => void): void {
    // Where this process was busy for so long, the answer may be there and only has to be read.
    const timer = setTimeout(() => {
      setImmediate(() => this.#timer === timer && giveUp())
    }, this.#millis)
    this.#timer = timer
  }

  /** The switch has ended. */
  end(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
