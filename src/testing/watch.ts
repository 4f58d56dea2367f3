import { setTimeout as sleep } from 'node:timers/promises'
import { checkStatements, type StormWitness, type Testimony } from './storm-witness.ts'

const POLL_MILLIS = 100

/** How long the server may count too many connections, because it notices closed ones late. */
const CLOSING_MILLIS = 2_000

/** The results of a watch. */
export interface Watched {
  /** Statements of the storm that the witness saw. */
  readonly witnessed: number
  /** The most connections at a time. Undefined if the witness did not count. */
  readonly connections: number | undefined
}

/** Watches a storm: asks the witness again and again, and reports unhandled rejections. */
export class Watch {
  readonly #witness: StormWitness
  readonly #testimony: Testimony
  readonly #mostConnections: () => number
  readonly #onProblem: (problem: string, cause?: unknown) => void
  readonly #onUnhandled = (reason: unknown): void =>
    this.#onProblem('an unhandled rejection', reason)
  #witnessed = 0
  #connections: number | undefined
  #tooManySince: number | undefined
  #isOver = false
  #polling: Promise<void> | undefined

  constructor(
    witness: StormWitness,
    testimony: Testimony,
    mostConnections: () => number,
    onProblem: (problem: string, cause?: unknown) => void,
  ) {
    this.#witness = witness
    this.#testimony = testimony
    this.#mostConnections = mostConnections
    this.#onProblem = onProblem
  }

  start(): void {
    process.on('unhandledRejection', this.#onUnhandled)
    this.#polling = this.#poll()
  }

  /** Asks the witness a last time, and ends the watch. */
  async stop(): Promise<Watched> {
    this.#isOver = true
    await this.#polling
    await this.#look()
    process.off('unhandledRejection', this.#onUnhandled)
    return { witnessed: this.#witnessed, connections: this.#connections }
  }

  async #poll(): Promise<void> {
    while (!this.#isOver) {
      await this.#look()
      await sleep(POLL_MILLIS)
    }
  }

  async #look(): Promise<void> {
    try {
      const statements = (await this.#witness.statements?.()) ?? []
      const { seen, wrong } = checkStatements(statements, this.#testimony)
      this.#witnessed += seen
      for (const problem of wrong) this.#onProblem(problem)
      const connections = await this.#witness.connections?.()
      if (connections !== undefined) this.#count(connections)
    } catch (error) {
      this.#onProblem('the witness failed', error)
    }
  }

  #count(connections: number): void {
    this.#connections = Math.max(this.#connections ?? 0, connections)
    if (connections <= this.#mostConnections()) {
      this.#tooManySince = undefined
      return
    }
    this.#tooManySince ??= performance.now()
    if (performance.now() - this.#tooManySince < CLOSING_MILLIS) return
    this.#onProblem(`the server has ${connections} connections of the pool, too many for too long`)
    this.#tooManySince = undefined
  }
}
