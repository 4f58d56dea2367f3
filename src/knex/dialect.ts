/*
 * Knex's mysql2 dialect and its builder classes. They are taken from a Knex object, to avoid imports from
 * inside the package. The types below describe members that Knex's types omit or declare as `any`; read in
 * knex 3.3.0 (lib/client.js, lib/dialects/mysql, lib/query, lib/schema).
 */
import knex, { type Knex } from 'knex'
import type { LeaseUse } from '../connection/lease-host.ts'
import type { BatchContext } from './batch-insert.ts'
import type { HandTransaction } from './failed-commit.ts'
import type { ProviderContext } from './transaction-provider.ts'

/** A statement on its way to the driver. */
export interface QueryObject {
  readonly sql: string
  /**
   * The builder's method, such as `select` or `raw`. Undefined if the statement begins or ends a transaction.
   */
  readonly method?: string
  readonly bindings?: unknown
  /** The user's extra options for the driver. */
  readonly options?: object
}

/** The parts of a query builder that name tables. */
export interface BuilderParts {
  readonly client?: object
  readonly _single?: { readonly table?: unknown; readonly schema?: unknown }
  readonly _statements?: readonly {
    readonly grouping?: string
    readonly table?: unknown
    readonly schema?: unknown
  }[]
}

/** The parts of a schema builder that name tables. */
export interface SchemaBuilderParts {
  readonly _schema?: unknown
  readonly _sequence?: readonly { readonly method: string; readonly args: readonly unknown[] }[]
}

/** The function that runs inside a transaction. */
export type TransactionContainer = (
  trx: HandTransaction & {
    isCompleted(): boolean
    readonly client: object
    readonly context: BatchContext & ProviderContext
  },
) => unknown

/** The parts of a table builder that name tables. */
export interface TableBuilderParts {
  readonly _statements?: readonly {
    readonly method?: string
    readonly args?: readonly unknown[]
  }[]
}

/** The members of the dialect's client that are used or overridden here. */
export interface DialectClient extends NodeJS.EventEmitter {
  readonly constructor: new (config: Knex.Config) => DialectClient
  config: Knex.Config
  logger: unknown
  connectionSettings: object
  connectionConfigExpirationChecker: (() => boolean) | null
  valueForUndefined: unknown
  /** True for a transaction's client. */
  readonly transacting?: boolean
  acquireConnection(use?: LeaseUse): Promise<unknown>
  acquireRawConnection(): Promise<unknown>
  releaseConnection(connection: unknown): Promise<void>
  initializePool(config?: unknown): void
  destroy(callback?: (error?: unknown) => void): Promise<void>
  queryBuilder(): object
  schemaBuilder(): object
  raw(...args: unknown[]): object
  ref(...args: unknown[]): object
  runner(builder: object): object
  transaction(container: TransactionContainer, ...rest: unknown[]): object
  queryCompiler(builder: object, bindings?: unknown): object
  schemaCompiler(...args: object[]): object
  tableCompiler(tableBuilder: object): object
  viewCompiler(viewBuilder: object): object
  postProcessResponse(response: unknown, context: unknown): unknown
  processPassedConnection(connection: unknown): void
  cancelQuery(connection: unknown): Promise<void>
  query(connection: unknown, query: QueryObject | string): Promise<unknown>
  _query(connection: unknown, query: QueryObject | string): Promise<unknown>
  _stream(
    connection: unknown,
    query: QueryObject,
    stream: NodeJS.EventEmitter,
    options: unknown,
  ): Promise<unknown>
}

/** The parts of any Knex's client that show if it can connect. */
export interface Connectable {
  readonly config?: { readonly connection?: unknown; readonly connectionPool?: unknown }
  readonly pool?: unknown
}

type Constructor<T> = new (client: object) => T

/** The common members of Knex's three kinds of builders. */
export interface Transactable {
  client: object
  /** With `asyncStackTraces`: the stack of the call that made the builder. `lines` counts Knex's own lines. */
  readonly _asyncStack?: { lines: number }
  transacting(transaction: unknown): this
  toSQL(...args: unknown[]): object
}

/** The result of `knex.raw`. */
export interface RawBuilder extends Transactable {
  set(...args: unknown[]): this
}

/** Runs a builder's statements on one connection. */
export interface QueryRunner {
  client: DialectClient
  readonly builder: { client: object; readonly _connection?: unknown }
  connection: unknown
  query(query: { readonly timeout?: number }): Promise<unknown>
  /** Returns a promise if the last argument is a handler, otherwise the stream. */
  stream(...args: unknown[]): unknown
  ensureConnection(...args: unknown[]): Promise<unknown>
}

const template = knex({ client: 'mysql2' }).client as unknown as DialectClient

/** Knex's mysql2 client class. */
export const Dialect: DialectClient['constructor'] = template.constructor
/** The dialect's query builder class. */
export const QueryBuilder: Constructor<Transactable> = classOf(template.queryBuilder())
/** Knex's schema builder class. */
export const SchemaBuilder: Constructor<Transactable> = classOf(template.schemaBuilder())
/** Knex's class of raw statements. */
export const Raw: Constructor<RawBuilder> = classOf(template.raw(''))
type RunnerConstructor = new (client: object, builder: object) => QueryRunner

/** The part of a view builder that holds its query. */
export interface ViewBuilderParts {
  /** A builder, a raw statement or a text. */
  readonly _selectQuery?: unknown
}

/** Knex's class of runners. */
export const Runner: RunnerConstructor = template.runner(template.queryBuilder())
  .constructor as RunnerConstructor

function classOf<T>(instance: object): Constructor<T> {
  return instance.constructor as Constructor<T>
}
