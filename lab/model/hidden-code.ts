import type { Verdict } from '../../src/connection/hidden-code/verdict.ts'
import { GATHER_MILLIS } from '../../src/pool/hidden-code/inspections.ts'
import { PlainDatabases } from '../../src/pool/hidden-code/plain-databases.ts'
import type { Clock } from './clock.ts'

type Verdicts = ReadonlyMap<string, Verdict>

/**
 * The code in the tenants' databases, and what the pool knows of it. The explorer decides when an inspection
 * begins and when its answer comes. The answer is what was true when the inspection began.
 */
export class HiddenCode {
  readonly known: PlainDatabases
  readonly #clock: Clock
  readonly #having = new Set<string>()
  #answer: (() => void) | undefined
  #seen = ''

  /** @param databases the pool knows at first that they have no code */
  constructor(clock: Clock, databases: readonly string[]) {
    this.#clock = clock
    this.known = new PlainDatabases((asked) => this.#inspect(asked))
    for (const database of databases) this.known.isPlain(database)
  }

  isIn(database: string): boolean {
    return this.#having.has(database)
  }

  define(database: string): void {
    this.#having.add(database)
  }

  drop(database: string): void {
    this.#having.delete(database)
  }

  /** The explorer's next possible action, if there is one. */
  get actions(): string[] {
    if (this.#answer) return ['code answer']
    return this.#clock.running([GATHER_MILLIS]).length > 0 ? ['code inspect'] : []
  }

  /** @param action without its first word */
  perform(action: string): void {
    const answer = this.#answer
    if (action === 'inspect') this.#clock.fire(GATHER_MILLIS)
    else if (answer) {
      this.#answer = undefined
      answer()
    }
  }

  /** Everything that the future depends on. */
  fingerprint(databases: readonly string[]): string {
    const known = databases.map((database) => this.known.isPlain(database))
    return [...this.#having, known, this.actions, this.#answer && this.#seen].join()
  }

  #inspect(asked: readonly string[]): Promise<Verdicts> {
    const verdicts: Verdicts = new Map(
      asked.map((database) => [database, this.isIn(database) ? 'triggers' : 'plain']),
    )
    this.#seen = [...verdicts].join()
    return new Promise((resolve) => {
      this.#answer = () => resolve(verdicts)
    })
  }
}
