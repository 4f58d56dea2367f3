import { isSamePlace, type Place } from '../../tenants/place.ts'
import { STATUS } from '../wire/packets.ts'

/**
 * The step that is needed before a tenant's statement may run.
 *
 * - `nothing`: the server confirmed this database, and the session is this tenant's.
 * - `confirm`: the session is this tenant's or nobody's, or has no trace of whose it was; the database
 *   must be selected.
 * - `hand-over`: the session is another tenant's: it must be cleaned first.
 */
export type Need = 'nothing' | 'confirm' | 'hand-over'

/**
 * The facts that a session would hand on to the next holder of its connection. `unknown`: the last answer
 * was an error, which does not tell.
 */
export type Leftover = 'nothing' | 'unknown' | 'transaction' | 'autocommit off'

/**
 * Our knowledge of the session at the other end of a connection. Only answers of the server add to it. In
 * doubt it is less, never more.
 */
export class SessionState {
  /** The place whose statements ran in the session since it was last cleaned. */
  #owner: Place | undefined
  /** The database the server confirmed as the current one. */
  #database: string | undefined
  #inTransaction = false
  #autocommit = true
  /** A statement may have left something in the session that the next tenant would find. */
  #isTraced = false
  /** A statement ran behind a refused switch. Its effect on the session is not known. */
  #isStray = false
  /** An ERR carries no status bits: what the last command left open is unknown. */
  #isStatusKnown = true

  get owner(): Place | undefined {
    return this.#owner
  }

  get database(): string | undefined {
    return this.#database
  }

  need(place: Place): Need {
    const isOthers = this.#owner !== undefined && !isSamePlace(this.#owner, place)
    if (this.#isStray || (isOthers && this.#isTraced)) return 'hand-over'
    return this.#database === place.database ? 'nothing' : 'confirm'
  }

  leftover(): Leftover {
    if (!this.#isStatusKnown) return 'unknown'
    if (this.#inTransaction) return 'transaction'
    return this.#autocommit ? 'nothing' : 'autocommit off'
  }

  /**
   * A tenant's statement is about to be sent.
   *
   * @param isHarmless true if it leaves nothing in the session, unless its answer says so
   */
  onStatement(place: Place, isHarmless = false): void {
    this.#owner = place
    this.#isTraced ||= !isHarmless
  }

  /** The answer to a statement says that the statement has left something in the session. */
  onTrace(): void {
    this.#isTraced = true
  }

  /**
   * A statement ran behind a switch that was refused. mysql2 has not read its answer, so it does not know
   * of a change of the character set.
   */
  onStray(): void {
    this.#isStray = true
    this.#database = undefined
  }

  /** Something is about to be sent that can change the database or the whole session. */
  onSwitchSent(): void {
    this.#database = undefined
  }

  /** The server carried out a reset, and set the session up again. */
  onCleaned(): void {
    this.#owner = undefined
    this.#isTraced = false
    this.#isStray = false
  }

  /** The server confirmed a database. */
  onDatabase(database: string): void {
    this.#database = database
  }

  /** The current database was dropped, or a command may have left it. */
  onDatabaseLost(): void {
    this.#database = undefined
  }

  /** The status bits of an OK or an EOF. */
  onStatus(status: number): void {
    this.#isStatusKnown = true
    this.#inTransaction = (status & STATUS.inTransaction) !== 0
    this.#autocommit = (status & STATUS.autocommit) !== 0
  }

  /**
   * The server answered with an error. A block of statements can change the database or begin a
   * transaction before it fails, and an error tells of neither.
   */
  onError(): void {
    this.#isStatusKnown = false
    this.#isTraced = true
    this.#database = undefined
  }
}
