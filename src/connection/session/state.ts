import { isSamePlace, type Place } from '../../tenants/place.ts'
import { STATUS } from '../wire/packets.ts'

/** The database of a session that is no tenant's: it always exists and cannot be dropped. */
export const NEUTRAL_DATABASE = 'information_schema'

/**
 * The session that a statement asks for.
 *
 * - `own`: one that is its tenant's alone, in the tenant's database.
 * - `begin`: one that holds nothing of another tenant. A transaction begins there.
 * - `common`: any session that no other tenant owns. The statement is self-contained: it means the same in
 *   each database, and leaves nothing that another self-contained statement could find.
 */
export type SessionUse = 'own' | 'begin' | 'common'

/**
 * The step that is needed before a tenant's statement may run.
 *
 * - `nothing`: the session and its database suit the statement.
 * - `confirm`: the session suits it; a database must be selected.
 * - `hand-over`: the session holds something of another tenant: it must be cleaned first.
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
  /** The place whose session it is: statements of any kind ran in there since it was last cleaned. */
  #owner: Place | undefined
  /** The places whose self-contained statements left a trace that other statements could find. */
  #tracer: Place | 'several' | undefined
  /** The place of the latest statement. */
  #sender: Place | undefined
  /** The database the server confirmed as the current one. */
  #database: string | undefined
  #inTransaction = false
  #autocommit = true
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

  /** The tenant's database that the session is in; undefined if it is in none, or not known. */
  get home(): string | undefined {
    return this.#database === NEUTRAL_DATABASE ? undefined : this.#database
  }

  /** True if a reset would take something from the session's holder. */
  get holdsSomething(): boolean {
    return this.#owner !== undefined || this.leftover() !== 'nothing'
  }

  need(place: Place, use: SessionUse = 'own'): Need {
    if (this.#isStray || this.#holdsForeign(place, use)) return 'hand-over'
    const isNeutral =
      use !== 'own' && this.#owner === undefined && this.#database === NEUTRAL_DATABASE
    return isNeutral || this.#database === place.database ? 'nothing' : 'confirm'
  }

  /** The database to select for a statement that needs a step. */
  databaseFor(place: Place, use: SessionUse): string {
    const isOwn = this.#owner !== undefined && isSamePlace(this.#owner, place)
    return use === 'own' || isOwn ? place.database : NEUTRAL_DATABASE
  }

  leftover(): Leftover {
    if (!this.#isStatusKnown) return 'unknown'
    if (this.#inTransaction) return 'transaction'
    return this.#autocommit ? 'nothing' : 'autocommit off'
  }

  /**
   * A tenant's statement is about to be sent.
   *
   * @param use the session that it has asked for
   */
  onStatement(place: Place, use: SessionUse = 'own'): void {
    this.#sender = place
    if (use === 'own') this.#owner = place
  }

  /** The latest statement has left a number or warnings, which only statements that ask for them find. */
  onTrace(): void {
    const isFirst = this.#tracer === undefined || this.#tracer === this.#sender
    this.#tracer = isFirst ? this.#sender : 'several'
  }

  /** The latest statement has changed the session, or may have: from now on the session is its tenant's. */
  onChange(): void {
    this.#owner ??= this.#sender
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
    this.#tracer = undefined
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
    this.#database = undefined
    this.onChange()
  }

  #holdsForeign(place: Place, use: SessionUse): boolean {
    if (this.#owner !== undefined && !isSamePlace(this.#owner, place)) return true
    // An error makes a session its tenant's, and a trace of another tenant may be in there.
    return use !== 'common' && this.#tracer !== undefined && this.#tracer !== place
  }
}
