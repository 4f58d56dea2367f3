import mysql from 'mysql2'
import type { Place } from '../tenants/place.ts'
import type { TextParts } from './session/self-contained.ts'
import type { SessionUse } from './session/state.ts'

/** Facts about a statement that Knex knows when it sends one. */
export interface StatementNature {
  /** True for a statement that Knex has built, and for BEGIN: it may leave together with a switch. */
  readonly isBuilt: boolean
  /** The session that it asks for. */
  readonly session: SessionUse
  /** The text in parts, to be sent with the database's name between them; undefined if it is sent as it is. */
  readonly parts?: TextParts | undefined
  /** True for one that creates, changes and drops no code and no table. */
  readonly definesNothing: boolean
  /** Says whether the tenant's database still has no hidden code. Set if it had none. */
  readonly plainness?: Plainness | undefined
  /** True for one that commits nothing, whether it fails or not. */
  readonly cannotCommit: boolean
}

/** Whether a database has no code that runs unseen, as far as is known now. */
export interface Plainness {
  readonly isPlain: boolean
}

/** The nature of a statement that Knex has not described. */
export const UNKNOWN_STATEMENT: StatementNature = {
  isBuilt: false,
  session: 'own',
  definesNothing: false,
  cannotCommit: false,
}

/**
 * The session that a statement asks for now. It was described before it was queued, and hidden code may have
 * come into its database since.
 */
export function sessionFor({ session, plainness }: StatementNature): SessionUse {
  return plainness?.isPlain === false ? 'own' : session
}

/** A lease, as far as its commands need it. Told apart by identity. */
export interface SendingLease {
  readonly place: Place
}

/**
 * The sender of a command, and the command's nature. The gate keeps it with each command. A lease itself
 * sends the commands that Knex has not described.
 */
export interface Sender {
  readonly lease: SendingLease
  readonly nature: StatementNature
  /** The name of the database that all columns of the answer must be of; undefined if any may be. */
  readonly columnsOf?: Buffer | undefined
  /** Adds to an error of the command whose it was, and what became of it. */
  explain(error: unknown): void
}

/** A lease that takes statements with their senders. */
interface DescribedLease extends SendingLease {
  queryAs(sender: Sender, args: readonly unknown[]): unknown
  explain(error: unknown): void
  format(sql: string, values: unknown): string
}

/** The arguments of a statement that Knex sends: an object of its own with the text, and the values. */
type KnexArguments = readonly [statement: { sql: string }, values: unknown, ...rest: unknown[]]

/**
 * Sends one statement that Knex has described. Knex gets it in place of the lease, so the nature of a
 * statement goes with its call.
 */
export class KnownSender implements Sender {
  readonly lease: DescribedLease
  readonly nature: StatementNature
  /** The statement as it was sent, if its tables' database was added. */
  #sent: { readonly plain: string; readonly values: unknown } | undefined

  constructor(lease: DescribedLease, nature: StatementNature) {
    this.lease = lease
    this.nature = nature
  }

  get columnsOf(): Buffer | undefined {
    return this.nature.parts && namesOf(this.lease.place).bytes
  }

  query(...args: unknown[]): unknown {
    const { parts } = this.nature
    if (parts !== undefined && parts.length > 1)
      this.#qualify(args as unknown as KnexArguments, parts)
    return this.lease.queryAs(this, args)
  }

  /** The error has the text that the caller knows. */
  explain(error: unknown): void {
    if (this.#sent && typeof (error as { sql?: unknown } | null)?.sql === 'string') {
      const { plain, values } = this.#sent
      Object.assign(error as object, { sql: this.lease.format(plain, values) })
    }
    this.lease.explain(error)
  }

  #qualify([statement, values]: KnexArguments, parts: TextParts): void {
    this.#sent = { plain: statement.sql, values }
    statement.sql = parts.join(namesOf(this.lease.place).qualifier)
  }
}

/** The name of a place's database, in the forms that its statements need. */
interface DatabaseNames {
  /** Stands before the name of a table. */
  readonly qualifier: string
  /** As the server sends it. */
  readonly bytes: Buffer
}

const names = new WeakMap<Place, DatabaseNames>()

function namesOf(place: Place): DatabaseNames {
  let own = names.get(place)
  if (own === undefined) {
    const { database } = place
    own = { qualifier: `${mysql.escapeId(database, true)}.`, bytes: Buffer.from(database) }
    names.set(place, own)
  }
  return own
}
