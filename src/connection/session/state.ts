import { isSamePlace, type Place } from '../../tenants/place.ts'
import { STATUS } from '../wire/packets.ts'

/**
 * What must happen before a tenant's statement may run.
 *
 * - `nothing`: the server confirmed this database, and the session is this tenant's.
 * - `confirm`: the session is this tenant's or nobody's, or has no trace of whose it was; the database
 *   must be selected.
 * - `hand-over`: the session is another tenant's: it must be cleaned first.
 */
export type Need = 'nothing' | 'confirm' | 'hand-over'

/**
 * What is known about the session at the other end of a connection. Changed only by what the server
 * answered; in doubt it knows less, never more.
 */
export class SessionState {
  /** Whose statements ran in the session since it was last cleaned. */
  #owner: Place | undefined
  /** The database the server confirmed as the current one. */
  #database: string | undefined
  #inTransaction = false
  #autocommit = true
  /** A statement may have left something in the session that the next tenant would find. */
  #isTraced = false
  /** A statement ran where it should not have, and what it did to the session is not known. */
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

  /** What the session would leave to the next holder of its connection. */
  leftover(): 'nothing' | 'unknown' | 'transaction' | 'autocommit off' {
    if (!this.#isStatusKnown) return 'unknown'
    if (this.#inTransaction) return 'transaction'
    return this.#autocommit ? 'nothing' : 'autocommit off'
  }

  /**
   * A tenant's statement is about to be sent.
   *
   * @param isHarmless true where it leaves nothing in the session, unless its answer says so
   */
  onStatement(place: Place, isHarmless = false): void {
    this.#owner = place
    this.#isTraced ||= !isHarmless
  }

  /** An answer tells of something that its statement has left in the session. */
  onTrace(): void {
    this.#isTraced = true
  }

  /**
   * A statement ran behind a switch that was refused. Nobody has read what its answer says of the
   * session: the character set, of which mysql2 would have to know.
   */
  onStray(): void {
    this.#isStray = true
    this.#database = undefined
  }

  /** Something is about to be sent that can change the database or the whole session. */
  onSwitching(): void {
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
