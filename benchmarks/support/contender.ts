/** A statement of the mix, on the table `items`. */
export type Operation =
  | {
      readonly kind: 'read'
      /** Always includes `tenant`. */
      readonly columns: readonly string[]
      readonly id: number
    }
  | { readonly kind: 'write'; readonly id: number; readonly value: number }

/** A row with the requested columns. It always has `tenant`: the name of its database. */
export type Row = Record<string, unknown>

/** Access to one tenant's database for one request. A write returns no row. */
export type Session = (operation: Operation) => Promise<Row | undefined>

/** Statements of one transaction. */
export type Work = (session: Session) => Promise<void>

/** The settings of a contender. */
export interface Setting {
  readonly connection: {
    readonly host: string
    readonly port: number
    readonly user: string
    readonly password: string
  }
  /** The most connections, or the most for each database if each has its own pool. */
  readonly poolMax: number
  readonly databases: readonly string[]
}

/** Sends raw SQL, in a separate request of the tenant with this database. */
export type Send = (database: string, sql: string) => Promise<Row[]>

/** A contender that accepts requests. */
export interface OpenContender {
  session(database: string): Session
  /** The same operations as raw SQL; undefined if no benchmark asks this contender for it. */
  rawSession?(database: string): Session
  /** Runs statements between BEGIN and COMMIT; undefined as above. */
  transaction?(database: string, work: Work): Promise<void>
  /** For statements outside the mix. A statement without rows returns none. */
  readonly query: Send
  /** Like `query`, as a prepared statement of the driver; undefined if that cannot be reached. */
  readonly execute?: Send
  close(): Promise<void>
  /** The number of switches so far, if it is known. */
  switches?(): number
}

/** One way to reach tenants' databases. */
export interface Contender {
  readonly name: string
  /** The single database of all rows, if it has only one. */
  readonly answersFrom?: string
  open(setting: Setting): Promise<OpenContender>
}
