/*
 * Knex's mysql2 dialect and the builders it makes, taken from a Knex object: no import from inside
 * the package. The members below are those that Knex's types leave out or call `any`; read in knex
 * 3.3.0 (lib/client.js, lib/dialects/mysql, lib/query, lib/schema).
 */
import knex, { type Knex } from 'knex'
import type { BatchContext } from './batch-insert.ts'
import type { HandTransaction } from './failed-commit.ts'
import type { ProviderContext } from './transaction-provider.ts'

/** A statement on its way to the driver. */
export interface QueryObject {
  readonly sql: string
  /** The builder's method: `select`, `raw`. Not there where a transaction begins or ends. */
  readonly method?: string
  readonly bindings?: unknown
  /** What the user wants the driver to be given with it. */
  readonly options?: object
}

/** A query builder's inside, as far as it names tables. */
export interface BuilderParts {
  readonly client?: object
  readonly _single?: { readonly table?: unknown; readonly schema?: unknown }
  readonly _statements?: readonly {
    readonly grouping?: string
    readonly table?: unknown
    readonly schema?: unknown
  }[]
}

/** A schema builder's inside. */
export interface SchemaBuilderParts {
  readonly _schema?: unknown
  readonly _sequence?: readonly { readonly method: string; readonly args: readonly unknown[] }[]
}

/** What runs inside a transaction. */
export type TransactionContainer = (
  trx: HandTransaction & {
    isCompleted(): boolean
    readonly client: object
    readonly context: BatchContext & ProviderContext
  },
) => unknown

/** A table builder's inside. */
export interface TableBuilderParts {
  readonly _statements?: readonly {
    readonly method?: string
    readonly args?: readonly unknown[]
  }[]
}

/** The dialect's client: what is used or overridden here. */
export interface DialectClient extends NodeJS.EventEmitter {
  readonly constructor: new (config: Knex.Config) => DialectClient
  config: Knex.Config
  logger: unknown
  connectionSettings: object
  connectionConfigExpirationChecker: (() => boolean) | null
  valueForUndefined: unknown
  /** True of a transaction's client. */
  readonly transacting?: boolean
  acquireConnection(): Promise<unknown>
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

/** Any Knex's client, as far as it shows whether that Knex can connect anywhere. */
export interface Connectable {
  readonly config?: { readonly connection?: unknown; readonly connectionPool?: unknown }
  readonly pool?: unknown
}

type Constructor<T> = new (client: object) => T

/** What Knex's three kinds of builders share. */
export interface Transactable {
  client: object
  /** Where it was made, with `asyncStackTraces`: so many lines of the stack are Knex's own. */
  readonly _asyncStack?: { lines: number }
  transacting(transaction: unknown): this
  toSQL(...args: unknown[]): object
}

/** A `knex.raw`. */
export interface RawBuilder extends Transactable {
  set(...args: unknown[]): this
}

/** What runs a builder's statements on one connection. */
export interface QueryRunner {
  client: object
  readonly builder: { client: object }
  readonly connection: unknown
  query(query: { readonly timeout?: number }): Promise<unknown>
  /** With a handler as last argument, a promise; without, the stream. */
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

/** A view builder's inside. */
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
