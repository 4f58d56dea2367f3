/** A statement of the mix, on the table `items`. */
export type Operation =
  | {
      readonly kind: 'read'
      /** `tenant` is always one of them. */
      readonly columns: readonly string[]
      readonly id: number
    }
  | { readonly kind: 'write'; readonly id: number; readonly value: number }

/** A row, of the columns asked for, always with `tenant`: the name of the database it is in. */
export type Row = Record<string, unknown>

/** One tenant's database for the length of one request. A write answers with no row. */
export type Session = (operation: Operation) => Promise<Row | undefined>

/** What a contender gets to work with. */
export interface Setting {
  readonly connection: {
    readonly host: string
    readonly port: number
    readonly user: string
    readonly password: string
  }
  /** So many connections at most, or so many for each database where each has a pool. */
  readonly poolMax: number
  readonly databases: readonly string[]
}

/** Sends SQL as it stands, in a request of its own of the tenant that has this database. */
export type Send = (database: string, sql: string) => Promise<Row[]>

/** A contender that is ready for requests. */
export interface OpenContender {
  session(database: string): Session
  /** What the mix has no statement for. A statement without rows answers with none. */
  readonly query: Send
  /** The same as a prepared statement of the driver's; left out where it cannot be reached. */
  readonly execute?: Send
  close(): Promise<void>
  /** Switches so far, where it can tell. */
  switches?(): number
}

/** One way to reach tenants' databases. */
export interface Contender {
  readonly name: string
  /** The one database that every row is read from, where it has only one. */
  readonly answersFrom?: string
  open(setting: Setting): Promise<OpenContender>
}
